-- What is kept for a while only (services/intake/src/store/sweeps.rs).
CREATE INDEX alert_old ON alert USING brin (first_at);
CREATE INDEX receipt_old ON receipt USING brin (occurred_at);
GRANT DELETE ON alert, receipt TO desk_app;
