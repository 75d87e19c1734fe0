// SPDX-License-Identifier: GPL-2.0

//! What nearly every module here uses.

pub use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{self, BufRead, Read, Seek, Write},
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::fs::FileExt,
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

pub use crate::{
    answer::{answers, Answer, Keys, Line, Table},
    ask::{header, read_all, read_write, Conversation, Range, PROC, SYSFS, TABLES},
    bail, ensure, error,
    options::{hold, misuse, Options},
    pagemap::{Entry, Pagemap},
    patience::{self, Wait},
    random::Random,
    sys::{
        self, check, counters,
        process::{self, Pid},
        Area, PAGE, PAGE_2M, READ_WRITE,
    },
    text::{hex, number, parse_hex, words},
};
