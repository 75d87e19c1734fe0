// SPDX-License-Identifier: GPL-2.0

//! What must not compile: a line after a remark `//~ TEXT` is an error that holds this
//! text, and no other line is one.

use crate::abstractions::{
    proc_fs::{
        Operations,
        ProcFile, //
    },
    sysfs::BinOperations, //
};
use kernel::{
    fs::{
        Kiocb,
        LocalFile, //
    },
    iov::IovIterDest,
    prelude::*, //
};

/// An attribute that is leaked would stay, and its data be gone.
struct Borrowed<'a>(&'a u64);

//~ lifetime bound not satisfied
impl BinOperations for Borrowed<'_> {
    fn read(&self, _file: &LocalFile, _to: &mut [u8], _pos: usize) -> Result<usize> {
        Ok(*self.0 as usize)
    }

    fn write(&self, _file: &LocalFile, _from: &[u8]) -> Result {
        Ok(())
    }
}

/// As would a file in /proc.
#[vtable]
//~ lifetime bound not satisfied
impl<'a> Operations for Borrowed<'a> {
    type Ptr = KBox<u64>;
    //~ does not fulfill the required lifetime
    type Data = &'a u64;

    const SEEKABLE: bool = false;

    //~ does not fulfill the required lifetime
    fn open(_file: &ProcFile, data: &Self::Data) -> Result<KBox<u64>> {
        Ok(KBox::new(**data, GFP_KERNEL)?)
    }

    fn read_iter(
        _kiocb: Kiocb<'_, KBox<u64>>,
        _file: &ProcFile,
        _iov: &mut IovIterDest<'_>,
    ) -> Result<usize> {
        Ok(0)
    }
}
