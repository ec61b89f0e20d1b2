-- 4 news of a major incident, 5 time in one tier, 6 wait for a vendor, 7 call-back. Wider than before, so that old and new
-- processes can run side by side.
ALTER TABLE clock_figures
    DROP CONSTRAINT clock_figures_metric_check,
    ADD CONSTRAINT clock_figures_metric_check CHECK (metric BETWEEN 1 AND 7) NOT VALID;
