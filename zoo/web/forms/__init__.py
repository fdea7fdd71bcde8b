"""Forms of the pages: what a person typed, checked for shape. Rules of the domain stay in the services."""
