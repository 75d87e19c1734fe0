// SPDX-License-Identifier: GPL-2.0

//! Files in `/proc`.
//!
//! A [`Dir`] is a directory directly below `/proc`; it owns the files that are created in it, and
//! data that all of them share. Each open file has private data of the type that implements
//! [`Operations`].
//!
//! procfs brackets every call into a file by `use_pde()` and `unuse_pde()`. Removing a file waits
//! for the calls that run and then releases the files that are still open, so no call comes after
//! [`Dir`] is dropped, and readers get `EIO`. Hence a [`Dir`] must not be dropped by a call into
//! one of its files.
//!
//! C header: [`include/linux/proc_fs.h`](srctree/include/linux/proc_fs.h)

use super::{
    bindings,
    file::Access, //
};
use core::{
    marker::PhantomData,
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    error::from_result,
    fs::{
        Kiocb,
        LocalFile, //
    },
    iov::IovIterDest,
    prelude::*,
    types::ForeignOwnable,
    uaccess::{
        UserPtr,
        UserSlice,
        UserSliceReader, //
    },
};

/// An open file of procfs.
///
/// # Invariants
///
/// The file belongs to a procfs mount.
#[repr(transparent)]
pub(crate) struct ProcFile(LocalFile);

impl ProcFile {
    /// # Safety
    ///
    /// As [`LocalFile::from_raw_file`]; and the file must belong to a procfs mount.
    unsafe fn from_raw<'a>(file: *const bindings::file) -> &'a ProcFile {
        // SAFETY: The caller promises what this needs.
        let file = unsafe { LocalFile::from_raw_file(file) };
        // CAST: `ProcFile` is a transparent wrapper of `LocalFile`.
        // SAFETY: The layouts are the same.
        // INVARIANT: The caller promises that the file is one of procfs.
        unsafe { &*core::ptr::from_ref(file).cast() }
    }
}

impl Deref for ProcFile {
    type Target = LocalFile;

    fn deref(&self) -> &LocalFile {
        &self.0
    }
}

/// What can be done with an open file; implemented by its private data.
///
/// `D` is the data of its directory.
#[vtable]
pub(crate) trait Operations<D>: Sized + Send + Sync + 'static {
    /// Who may open the file. Lockdown is checked again by each read and write.
    const ACCESS: Access;

    /// Whether the file has a position; without one it is a stream (`stream_open()`).
    const SEEKABLE: bool;

    /// Makes the private data of a file that is being opened.
    fn open(file: &ProcFile) -> Result<Pin<KBox<Self>>>;

    /// Reads from the file; at `pos` if it is seekable.
    ///
    /// Context: process context, may sleep.
    fn read(
        self: Pin<&Self>,
        data: &D,
        file: &ProcFile,
        to: &mut IovIterDest<'_>,
        pos: &mut i64,
    ) -> Result<usize>;

    /// Writes to the file, and returns how many bytes it took.
    ///
    /// Context: process context, may sleep.
    fn write(self: Pin<&Self>, _file: &ProcFile, _from: UserSliceReader) -> Result<usize> {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }
}

/// A directory directly below `/proc`, with its files and what they share.
///
/// A directory that is leaked keeps its files: hence what they share is `'static`.
///
/// # Invariants
///
/// `entry` was returned by `proc_mkdir()` and has not been removed.
pub(crate) struct Dir<D> {
    entry: NonNull<bindings::proc_dir_entry>,
    // Dropped after `drop()` has removed the files.
    data: KBox<D>,
}

// SAFETY: procfs synchronises the use of its entries; they belong to no thread.
unsafe impl<D: Send> Send for Dir<D> {}
// SAFETY: As above.
unsafe impl<D: Sync> Sync for Dir<D> {}

impl<D: Sync + 'static> Dir<D> {
    /// Makes the directory `/proc/NAME`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; also where the name is taken, as `proc_mkdir()` does not tell the two apart.
    #[doc(alias = "proc_mkdir")]
    pub(crate) fn new(name: &CStr, data: KBox<D>) -> Result<Self> {
        // SAFETY: `name` is a valid string, which procfs copies. No parent means `/proc`.
        let entry = unsafe { bindings::proc_mkdir(name.as_char_ptr(), core::ptr::null_mut()) };
        // INVARIANT: The entry was just made.
        Ok(Dir {
            entry: NonNull::new(entry).ok_or(ENOMEM)?,
            data,
        })
    }

    /// Makes a file in the directory; it stays until the directory is dropped.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; also where the name is taken.
    #[doc(alias = "proc_create_data")]
    pub(crate) fn create<T: Operations<D>>(&self, name: &CStr, mode: u16) -> Result {
        // SAFETY: `name` is a valid string, which procfs copies. The parent is alive by the type
        // invariant. The operations are static data of this module, and the data is that of this
        // directory: procfs uses them until the entry is removed, by `drop()`.
        let entry = unsafe {
            bindings::proc_create_data(
                name.as_char_ptr(),
                mode,
                self.entry.as_ptr(),
                &VTable::<T, D>::OPS,
                (&raw const *self.data).cast_mut().cast(),
            )
        };
        if entry.is_null() {
            return Err(ENOMEM);
        }
        Ok(())
    }
}

impl<D> Drop for Dir<D> {
    fn drop(&mut self) {
        // SAFETY: The entry is alive by the type invariant, and not used afterwards. This removes
        // the files in it too, after the calls into them have returned.
        unsafe { bindings::proc_remove(self.entry.as_ptr()) };
    }
}

/// The operations of the files whose private data is a `T`, in a [`Dir<D>`].
struct VTable<T, D>(PhantomData<(T, D)>);

impl<T: Operations<D>, D: Sync> VTable<T, D> {
    const OPS: bindings::proc_ops = bindings::proc_ops {
        proc_flags: 0,
        proc_open: Some(Self::open),
        proc_read: None,
        proc_read_iter: Some(Self::read_iter),
        proc_write: if T::HAS_WRITE {
            Some(Self::write)
        } else {
            None
        },
        proc_lseek: if T::SEEKABLE {
            Some(bindings::no_seek_end_llseek)
        } else {
            None
        },
        proc_release: Some(Self::release),
        proc_poll: None,
        proc_ioctl: None,
        #[cfg(CONFIG_COMPAT)]
        proc_compat_ioctl: None,
        proc_mmap: None,
        proc_get_unmapped_area: None,
    };

    /// # Safety
    ///
    /// `inode` and `file` must be those of a procfs file with these operations that is being
    /// opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY: The file is valid for the duration of this call, and one of procfs.
            let proc_file = unsafe { ProcFile::from_raw(file) };
            T::ACCESS.check(proc_file)?;
            let data = T::open(proc_file)?;
            if !T::SEEKABLE {
                // SAFETY: Both are valid for the duration of this call; it cannot fail.
                unsafe { bindings::stream_open(inode, file) };
            }
            // SAFETY: The file is being opened: nobody else looks at its private data.
            unsafe { (*file).private_data = data.into_foreign() };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `file` must be a file that [`Self::open`] has opened, and that is being released.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `open` stored the data, procfs calls this once for each open file, and no other
        // call runs now or later.
        drop(unsafe { <Pin<KBox<T>>>::from_foreign((*file).private_data) });
        0
    }

    /// # Safety
    ///
    /// `kiocb` must be valid, of a file that [`Self::open`] has opened; `iter` must be a valid
    /// destination.
    unsafe extern "C" fn read_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The caller promises a valid kiocb, of a file whose private data `open` stored.
        let mut kiocb = unsafe { Kiocb::<Pin<KBox<T>>>::from_raw(kiocb) };
        // SAFETY: The caller promises a valid destination.
        let to = unsafe { IovIterDest::from_raw(iter) };
        // SAFETY: The kiocb keeps its file alive for the duration of this call; a call of
        // `fdget_pos` for it is on this thread, or has taken the lock of the file position.
        let file = unsafe { ProcFile::from_raw((*kiocb.as_raw()).ki_filp) };
        let data = kiocb.file();

        from_result(|| {
            T::ACCESS.check_lockdown()?;
            // Nothing to read into: nothing is lost, and nothing begins.
            if to.is_empty() {
                return Ok(0);
            }
            // SAFETY: `Dir::create` made the file with a pointer to the data of its directory,
            // which is dropped after the file is removed, and so after this call.
            let shared = unsafe { &*bindings::memintro_pde_data(file.as_ptr()).cast::<D>() };
            // CAST: a count of bytes in memory fits.
            data.read(shared, file, to, kiocb.ki_pos_mut())
                .map(|count| count as isize)
        })
    }

    /// # Safety
    ///
    /// `file` must be a file that [`Self::open`] has opened.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        from: *const c_char,
        len: usize,
        _pos: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: `open` stored the data, and `release` takes it only after this call.
        let data = unsafe { <Pin<KBox<T>>>::borrow((*file).private_data) };
        // SAFETY: The file is valid for the duration of this call; as for `read_iter`.
        let file = unsafe { ProcFile::from_raw(file) };
        let from = UserSlice::new(UserPtr::from_addr(from.addr()), len).reader();

        from_result(|| {
            T::ACCESS.check_lockdown()?;
            if from.is_empty() {
                return Ok(0);
            }
            // CAST: a count of bytes in memory fits.
            data.write(file, from).map(|count| count as isize)
        })
    }
}
