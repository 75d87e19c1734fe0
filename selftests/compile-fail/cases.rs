// SPDX-License-Identifier: GPL-2.0

//! What must not compile: a line after a remark `//~ TEXT` is an error that holds this
//! text, and no other line is one.

use crate::abstractions::{
    proc_fs::Dir,
    sysfs::BinOperations, //
};
use kernel::{
    fs::LocalFile,
    prelude::*, //
};

/// A directory that is leaked would keep files whose data is gone.
fn directory(data: &u64) -> Result {
    //~ borrowed data escapes
    let dir = Dir::new(c"borrowed", KBox::new(data, GFP_KERNEL)?)?;
    core::mem::forget(dir);
    Ok(())
}

/// A file that is leaked would stay, and its data be gone.
struct Borrowed<'a>(&'a u64);

//~ lifetime bound not satisfied
impl BinOperations for Borrowed<'_> {
    fn read(&self, _file: &LocalFile, _to: &mut [u8], _pos: usize) -> Result<usize> {
        Ok(*self.0 as usize)
    }

    fn write(&self, _file: &LocalFile, _from: &[u8]) -> Result {
        directory(self.0)
    }
}
