// SPDX-License-Identifier: GPL-2.0

//! Errors that are text.

/// Makes an error of a text, as `format!` has it.
#[macro_export]
macro_rules! error {
    ($($text:tt)*) => { ::std::io::Error::other(::std::format!($($text)*)) };
}

/// Returns an error.
#[macro_export]
macro_rules! bail {
    ($($text:tt)*) => { return ::std::result::Result::Err($crate::error!($($text)*)) };
}

/// Returns an error unless something is so.
#[macro_export]
macro_rules! ensure {
    ($is:expr, $($text:tt)*) => { if !$is { $crate::bail!($($text)*) } };
}
