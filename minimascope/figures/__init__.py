"""One figure a file: pure functions of a result (report sections, arrays) to a Plotly figure."""
