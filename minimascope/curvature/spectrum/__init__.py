"""The Hessian spectrum: route, eigenpairs, density, outliers, plan."""
