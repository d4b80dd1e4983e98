"""The practice study: networks trained the way people train, and intervals for their gap."""
