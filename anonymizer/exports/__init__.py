"""Files for advertisers and the analysts' database, made of releases alone."""
