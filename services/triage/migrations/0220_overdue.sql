-- Since when a ticket is in its tier for longer than its time-box. Older versions leave the new column as it is.

ALTER TABLE ticket ADD COLUMN time_box_overrun_at timestamptz;
