-- Run once, by Postgres' image, when its volume is new: the roles and a database per service.
-- The roles own nothing and bypass nothing but what desk_owner makes.
\getenv owner_password DESK_OWNER_PASSWORD
\getenv app_password DESK_APP_PASSWORD
\getenv machinery_password DESK_MACHINERY_PASSWORD
CREATE ROLE desk_owner LOGIN NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE desk_app LOGIN NOBYPASSRLS PASSWORD :'app_password';
CREATE ROLE desk_machinery LOGIN NOBYPASSRLS PASSWORD :'machinery_password';
CREATE DATABASE intake OWNER desk_owner;
CREATE DATABASE triage OWNER desk_owner;
CREATE DATABASE sla_timer OWNER desk_owner;
CREATE DATABASE knowledge_base OWNER desk_owner;
CREATE DATABASE reporting OWNER desk_owner;
