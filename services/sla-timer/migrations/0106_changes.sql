ALTER TABLE ticket
    -- Grows with every fact once it is due soon: what was computed ahead of that instant holds only as long as it is the
    -- same.
    ADD COLUMN changes bigint NOT NULL DEFAULT 0;
