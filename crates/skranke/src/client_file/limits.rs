//! How much a client file may hold. Generous for a large client, small enough to be read at once.

/// Bytes of the whole file.
pub const MAX_FILE_BYTES: usize = 8 * 1024 * 1024;
/// Requesters of one client.
pub const MAX_REQUESTERS: usize = 10_000;
/// Characters of a name, site, department, team, skill, category or currency note.
pub const MAX_NAME: usize = 200;
/// Characters of an e-mail address (RFC 5321).
pub const MAX_EMAIL: usize = 254;
/// Characters of a telephone number, with its spaces.
pub const MAX_PHONE: usize = 40;
/// Tiers of a support model, and the highest tier number.
pub const MAX_TIERS: usize = 10;
/// Queues of a client.
pub const MAX_QUEUES: usize = 200;
/// Skills named by one queue.
pub const MAX_SKILLS: usize = 50;
/// Positions of a client.
pub const MAX_POSITIONS: usize = 200;
/// Agents of a client.
pub const MAX_AGENTS: usize = 1_000;
/// Shifts of one agent.
pub const MAX_SHIFTS: usize = 50;
/// Extra shifts of one agent.
pub const MAX_EXTRA_SHIFTS: usize = 100;
/// Absences of one agent.
pub const MAX_ABSENCES: usize = 100;
/// Tickets of a queue that one agent may have in progress.
pub const MAX_WORK_LIMIT: u32 = 1_000;
/// Seconds of a time-box and of a promise to call: a week.
pub const MAX_POST_SECONDS: u64 = 7 * 24 * 60 * 60;
/// Incidents that make a problem, at most.
pub const MAX_RECURRENCES: u16 = 1_000;
/// Seconds within which they must come: a year.
pub const MAX_RECURRENCE_SECONDS: u64 = 366 * 24 * 60 * 60;
/// Percent of confidence below which what was learned is never applied.
pub const MIN_CONFIDENCE_PERCENT: u8 = 50;
/// Top categories.
pub const MAX_CATEGORIES: usize = 50;
/// Subcategories of one category.
pub const MAX_SUBCATEGORIES: usize = 200;
/// Routing rules, and likewise classification rules.
pub const MAX_RULES: usize = 500;
/// Levels of one rule; a single condition is one level.
pub const MAX_RULE_DEPTH: usize = 8;
/// Conditions and their `all`, `any`, `not` in one rule.
pub const MAX_RULE_NODES: usize = 100;
/// Values listed by one condition.
pub const MAX_RULE_VALUES: usize = 200;
/// Characters of one value of a condition.
pub const MAX_RULE_VALUE: usize = 500;
/// Rules of automation.
pub const MAX_AUTOMATION_RULES: usize = 100;
/// Actions of one of them.
pub const MAX_ACTIONS: usize = 10;
/// Reminders of one wait.
pub const MAX_REMINDERS: usize = 5;
/// Vendors of a client, and likewise change templates and freeze periods.
pub const MAX_VENDORS: usize = 200;
/// Characters of how to reach a vendor.
pub const MAX_CONTACT: usize = 1_000;
/// Items of a catalogue.
pub const MAX_ITEMS: usize = 200;
/// Tasks of an item.
pub const MAX_TASKS: usize = 50;
/// Those who are asked by one approval.
pub const MAX_APPROVERS: usize = 20;
/// Seconds within which an approval is wanted: 90 days.
pub const MAX_APPROVAL_SECONDS: u64 = 90 * 24 * 60 * 60;
/// Characters of a description, of a plan, and of a back-out plan.
pub const MAX_PLAN: usize = 10_000;
/// Bytes of all forms of a catalogue together.
pub const MAX_FORMS: usize = 512 * 1024;
/// Rules of a contract.
pub const MAX_PROMISE_RULES: usize = 100;
/// Calendars of a contract.
pub const MAX_CALENDARS: usize = 20;
/// Special days of one calendar.
pub const MAX_SPECIAL_DAYS: usize = 1_000;
/// Intervals of one day.
pub const MAX_INTERVALS: usize = 12;
/// Warnings of one clock.
pub const MAX_WARNINGS: usize = 10;
/// Seconds of service time of one target: a year of days.
pub const MAX_WITHIN_SECONDS: u64 = 366 * 24 * 60 * 60;
/// Months with costs: twenty years.
pub const MAX_COST_MONTHS: usize = 240;
/// Cents of the costs of one month: ten billion.
pub const MAX_COST_CENTS: i64 = 1_000_000_000_000;
/// Fields of a form.
pub const MAX_FORM_FIELDS: usize = 30;
/// Choices of a field.
pub const MAX_CHOICES: usize = 50;
/// Forms of categories.
pub const MAX_CATEGORY_FORMS: usize = 100;
/// Runbooks of a client.
pub const MAX_RUNBOOKS: usize = 200;
/// Parameters of one runbook.
pub const MAX_PARAMETERS: usize = 20;
/// Values of a parameter that is a choice.
pub const MAX_PARAMETER_CHOICES: usize = 100;
/// Characters of a parameter that is a text.
pub const MAX_PARAMETER_LENGTH: u16 = 4_000;
/// Characters of a pattern.
pub const MAX_PATTERN: usize = 500;
/// Characters of what a runbook is for.
pub const MAX_PURPOSE: usize = 1_000;
/// Seconds of one run: four hours.
pub const MAX_RUN_SECONDS: u64 = 4 * 60 * 60;
/// Bytes of output that are kept of one run.
pub const MAX_RUN_OUTPUT: u32 = 1024 * 1024;
