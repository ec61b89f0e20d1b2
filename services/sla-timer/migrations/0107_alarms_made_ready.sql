-- Whoever makes the rows of what is due soon ready holds them for a moment.
GRANT UPDATE (ticket_id) ON alarm TO desk_app;
