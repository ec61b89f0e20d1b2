-- How much of what should be known of a matter was known when it was registered, 0 to 100. NULL: nobody counted.
ALTER TABLE ticket ADD COLUMN completeness smallint;
