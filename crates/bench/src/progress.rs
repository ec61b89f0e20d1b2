//! What is told while it runs: a bar on a terminal, lines elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Tells people on standard error how far it is.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Progress {
    /// A bar of so many steps.
    pub fn new(steps: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {bar:24} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        if is_terminal {
            bar.enable_steady_tick(Duration::from_millis(125));
        }
        Self { bar, is_terminal }
    }

    /// What is being done now.
    pub fn say(&self, text: &str) {
        if self.is_terminal {
            self.bar.set_message(text.to_owned());
        } else {
            eprintln!("· {text}");
        }
    }

    /// What came out of it; stays on the screen.
    pub fn note(&self, text: &str) {
        if self.is_terminal {
            self.bar.println(format!("  {text}"));
        } else {
            eprintln!("  {text}");
        }
    }

    /// One step is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// All is done.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
