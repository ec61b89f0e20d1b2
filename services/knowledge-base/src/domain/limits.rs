//! How much of everything is taken. Each limit is tested one past it.

/// Most characters of an article_key.
pub const ARTICLE_KEY: usize = 80;
/// Most characters of a title.
pub const TITLE: usize = 200;
/// Most bytes of a body.
pub const BODY: usize = 256 * 1024;
/// Most keywords of an article.
pub const KEYWORDS: usize = 32;
/// Most characters of one keyword.
pub const KEYWORD: usize = 50;
/// Most characters of a query.
pub const QUERY: usize = 1_000;
/// Most characters of a request_id.
pub const REQUEST_ID: usize = 36;
/// Most clients or states named in one question.
pub const NAMED: usize = 200;
/// The earliest and the latest year of a review_by.
pub const YEARS: (i16, i16) = (2000, 2200);
/// Results of a search when the caller does not say.
pub const SEARCH_PAGE: u32 = 10;
/// Most results of a search.
pub const SEARCH_PAGE_MOST: u32 = 100;
/// Articles on a page when the caller does not say.
pub const LIST_PAGE: u32 = 50;
/// Most articles on a page.
pub const LIST_PAGE_MOST: u32 = 1_000;
/// Characters of a ticket's description that are matched.
pub const MATCHED_DESCRIPTION: usize = 500;
/// Characters of a ticket's subject that are matched and kept; intake takes no more.
pub const SUBJECT: usize = 300;
/// Characters of a resolution's note that are kept.
pub const NOTE: usize = 4_000;
