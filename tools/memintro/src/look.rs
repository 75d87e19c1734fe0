// SPDX-License-Identifier: GPL-2.0

//! How what people read is written: colour, characters, width.

use std::{
    env,
    fmt::{self, Display},
    io::{IsTerminal, Write},
};

use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};

use crate::{Failure, Result};

/// Options that all commands have.
#[derive(Debug, Default, Args)]
pub struct LookArgs {
    /// Colours: auto is on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub color: Color,
    /// Draw with ASCII alone; so it is too where the locale has no UTF-8
    #[arg(long, global = true)]
    pub ascii: bool,
}

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// How it is to look here.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// How many columns a line may have.
    pub width: usize,
    /// ASCII alone.
    pub ascii: bool,
    /// Whether there are colours.
    color: bool,
    wanted: Color,
}

impl LookArgs {
    /// Looks at the surroundings where an option says nothing.
    pub fn resolve(&self) -> Look {
        Look {
            // Looked for by those who need it.
            width: 0,
            ascii: self.ascii,
            color: false,
            wanted: self.color,
        }
    }
}

impl Look {
    /// How it looks on this terminal.
    pub fn here(self) -> Self {
        Self {
            width: width().clamp(40, 400),
            ascii: self.ascii || !has_utf8(),
            color: match self.wanted {
                Color::Auto => {
                    let choice = anstream::AutoStream::choice(&std::io::stdout());
                    choice != anstream::ColorChoice::Never
                }
                Color::Always => true,
                Color::Never => false,
            },
            ..self
        }
    }

    /// For tests.
    #[cfg(test)]
    pub fn plain(width: usize, ascii: bool) -> Self {
        Self {
            width,
            ascii,
            color: false,
            wanted: Color::Never,
        }
    }

    /// A style where there are colours, else none.
    pub fn style(&self, style: Style) -> Style {
        if self.color {
            style
        } else {
            Style::new()
        }
    }

    /// Text in a style.
    pub fn paint<T: Display>(&self, style: Style, text: T) -> Painted<T> {
        let style = self.style(style);
        Painted { style, text }
    }

    /// One of two ways to draw the same.
    pub fn or<'a>(&self, drawn: &'a str, ascii: &'a str) -> &'a str {
        if self.ascii {
            ascii
        } else {
            drawn
        }
    }
}

fn width() -> usize {
    if std::io::stdout().is_terminal() {
        if let Some((width, _)) = terminal_size::terminal_size_of(std::io::stdout()) {
            // A serial line has none.
            if width.0 > 0 {
                return width.0.into();
            }
        }
    }
    let columns = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    columns.unwrap_or(80)
}

/// As the C library decides it.
fn has_utf8() -> bool {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Something that stands out.
pub const STRONG: Style = Style::new().bold();
/// Something less important.
pub const FAINT: Style = Style::new().dimmed();
/// All is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Something happens.
pub const NOTE: Style = AnsiColor::Yellow.on_default();
/// Something fails.
pub const BAD: Style = AnsiColor::Red.on_default().bold();

/// Text in a style.
pub struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:#}", self.style, self.text, self.style)
    }
}

/// Writes text to standard output.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Failure::of_output)
}
