-- More promises than three, and what is said after a breach. All of it is wider than what stands there, so that old and
-- new processes can run side by side.

ALTER TABLE clock
    DROP CONSTRAINT clock_metric_check,
    ADD CONSTRAINT clock_metric_check CHECK (metric IN ('first_response', 'next_response', 'resolution', 'update', 'tier',
                                                        'vendor', 'callback')) NOT VALID,
    DROP CONSTRAINT clock_next_alarm_check,
    -- 101 is the first reminder after the breach.
    ADD CONSTRAINT clock_next_alarm_check CHECK (next_alarm BETWEEN 1 AND 199) NOT VALID,
    -- The number of the last reminder of the breach that was announced or passed over.
    ADD COLUMN reminded smallint NOT NULL DEFAULT 0 CHECK (reminded BETWEEN 0 AND 99);
