// SPDX-License-Identifier: GPL-2.0

//! Files in `/proc`.
//!
//! A [`Dir`] is a directory directly below `/proc`, a [`File`] a file in it, with data of its own.
//! Each open file has private data of the type that implements [`Operations`].
//!
//! procfs brackets every call into a file by `use_pde()` and `unuse_pde()`. Removing a file waits
//! for the calls that run and then releases the files that are still open, so no call comes after
//! a [`File`] is dropped, and readers get `EIO`. Hence a [`File`] must not be dropped by a call
//! into it.
//!
//! C header: [`include/linux/proc_fs.h`](srctree/include/linux/proc_fs.h)

use super::bindings;
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
    pid_namespace::PidNamespace,
    prelude::*,
    sync::Arc,
    types::ForeignOwnable,
    uaccess::UserPtr, //
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
    #[inline]
    unsafe fn from_raw<'a>(file: *const bindings::file) -> &'a ProcFile {
        // SAFETY: The caller promises what this needs.
        let file = unsafe { LocalFile::from_raw_file(file) };
        // CAST: `ProcFile` is a transparent wrapper of `LocalFile`.
        // SAFETY: The layouts are the same.
        // INVARIANT: The caller promises that the file is one of procfs.
        unsafe { &*core::ptr::from_ref(file).cast() }
    }

    /// Returns the PID namespace of the procfs mount through which the file was opened.
    #[doc(alias = "proc_pid_ns")]
    #[inline]
    pub(crate) fn pid_ns(&self) -> &PidNamespace {
        // SAFETY: By the type invariant the superblock has a `struct proc_fs_info`. That holds a
        // reference to the namespace until the superblock is killed, which an open file prevents;
        // the returned reference lives no longer than `self`.
        unsafe { PidNamespace::from_ptr(bindings::memintro_proc_pid_ns(self.as_ptr())) }
    }
}

impl Deref for ProcFile {
    type Target = LocalFile;

    #[inline]
    fn deref(&self) -> &LocalFile {
        &self.0
    }
}

/// What can be done with an open file; implemented by its private data.
///
/// Nothing is checked but the file's mode: who may open, read and write is for these to say.
///
/// # Examples
///
/// ```
/// use crate::abstractions::proc_fs::{Dir, File, Operations, ProcFile};
/// use kernel::{
///     fs::Kiocb,
///     iov::IovIterDest,
///     prelude::*,
///     sync::Arc,
///     types::ForeignOwnable,
///     uaccess::{UserPtr, UserSlice},
/// };
///
/// /// A file that repeats a byte, and counts what is written.
/// struct Repeat(u8);
///
/// #[vtable]
/// impl Operations for Repeat {
///     type Ptr = KBox<Self>;
///     type Data = u8;
///
///     const SEEKABLE: bool = false;
///
///     fn open(file: &ProcFile, data: &u8) -> Result<Self::Ptr> {
///         pr_info!("{} opens it\n", file.pid_ns().as_ptr().addr());
///         Ok(KBox::new(Repeat(*data), GFP_KERNEL)?)
///     }
///
///     fn read_iter(
///         kiocb: Kiocb<'_, Self::Ptr>,
///         _file: &ProcFile,
///         iov: &mut IovIterDest<'_>,
///     ) -> Result<usize> {
///         Ok(iov.copy_to_iter(&[kiocb.file().0]))
///     }
///
///     fn write(_this: &Self, from: UserPtr, length: usize) -> Result<usize> {
///         let mut bytes = KVec::new();
///         UserSlice::new(from, length).read_all(&mut bytes, GFP_KERNEL)?;
///         Ok(bytes.len())
///     }
/// }
///
/// /// Makes `/proc/example/repeat`.
/// fn new() -> Result<File<Repeat>> {
///     let dir = Arc::new(Dir::new(c"example")?, GFP_KERNEL)?;
///     File::new(&dir, c"repeat", 0o600, b'y')
/// }
/// ```
#[vtable]
pub(crate) trait Operations: Sized + 'static {
    /// What kind of pointer `Self` is kept in while the file is open.
    type Ptr: ForeignOwnable + Send + Sync;

    /// What the file has for all who open it.
    type Data: Send + Sync + 'static;

    /// Whether the file has a position; without one it is a stream (`stream_open()`).
    const SEEKABLE: bool;

    /// Makes the private data of a file that is being opened.
    ///
    /// Context: process context, may sleep.
    fn open(file: &ProcFile, data: &Self::Data) -> Result<Self::Ptr>;

    /// Reads from the file; at the position of `kiocb` if it is seekable.
    ///
    /// Context: process context, may sleep.
    fn read_iter(
        kiocb: Kiocb<'_, Self::Ptr>,
        file: &ProcFile,
        iov: &mut IovIterDest<'_>,
    ) -> Result<usize>;

    /// Writes `length` bytes of the user's to the file, and returns how many of them it took.
    ///
    /// Context: process context, may sleep.
    fn write(
        _this: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _from: UserPtr,
        _length: usize,
    ) -> Result<usize> {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }
}

/// An entry of procfs.
///
/// # Invariants
///
/// It was returned by `proc_mkdir()` or `proc_create_data()`, and has not been removed.
struct Entry(NonNull<bindings::proc_dir_entry>);

// SAFETY: procfs synchronises the use of its entries; they belong to no thread.
unsafe impl Send for Entry {}
// SAFETY: As above.
unsafe impl Sync for Entry {}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: The entry is there by the type invariant, and not used afterwards. This waits for
        // the calls into a file that run; none comes later.
        unsafe { bindings::proc_remove(self.0.as_ptr()) };
    }
}

/// A directory directly below `/proc`.
pub(crate) struct Dir(Entry);

impl Dir {
    /// Makes the directory `/proc/NAME`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; also where the name is taken, as `proc_mkdir()` does not tell the two apart.
    #[doc(alias = "proc_mkdir")]
    pub(crate) fn new(name: &CStr) -> Result<Self> {
        // SAFETY: `name` is a valid string, which procfs copies. No parent means `/proc`.
        let entry = unsafe { bindings::proc_mkdir(name.as_char_ptr(), core::ptr::null_mut()) };
        // INVARIANT: The entry was just made.
        Ok(Dir(Entry(NonNull::new(entry).ok_or(ENOMEM)?)))
    }
}

/// A file in a [`Dir`], with its data.
///
/// A file that is leaked stays in its directory: hence its data is `'static`.
pub(crate) struct File<T: Operations> {
    // Dropped first: no call into the file runs when its data goes, and then its directory.
    _entry: Entry,
    _data: KBox<T::Data>,
    _dir: Arc<Dir>,
}

impl<T: Operations> File<T> {
    /// Makes a file in a directory.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; also where the name is taken.
    #[doc(alias = "proc_create_data")]
    pub(crate) fn new(dir: &Arc<Dir>, name: &CStr, mode: u16, data: T::Data) -> Result<Self> {
        let data = KBox::new(data, GFP_KERNEL)?;
        // SAFETY: `name` is a valid string, which procfs copies. The directory is there by its type
        // invariant. The operations are static data of this module, and the data stays where it is:
        // procfs uses them until the entry is removed, before the data is dropped.
        let entry = unsafe {
            bindings::proc_create_data(
                name.as_char_ptr(),
                mode,
                dir.0 .0.as_ptr(),
                &VTable::<T>::OPS,
                (&raw const *data).cast_mut().cast(),
            )
        };
        // INVARIANT: The entry was just made.
        Ok(File {
            _entry: Entry(NonNull::new(entry).ok_or(ENOMEM)?),
            _data: data,
            _dir: dir.clone(),
        })
    }
}

/// The operations of the files whose private data is a `T`.
struct VTable<T>(PhantomData<T>);

impl<T: Operations> VTable<T> {
    const OPS: bindings::proc_ops = bindings::proc_ops {
        proc_open: Some(Self::open),
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
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `inode` and `file` must be those of a file that [`File::new`] has made with these
    /// operations, and that is being opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY: The file is valid for the duration of this call, and one of procfs.
            let proc_file = unsafe { ProcFile::from_raw(file) };
            // SAFETY: `File::new` made the file with a pointer to its data, which is dropped after
            // the file is removed, and so after this call.
            let data = unsafe { &*bindings::memintro_pde_data(file).cast::<T::Data>() };
            let private = T::open(proc_file, data)?;
            if !T::SEEKABLE {
                // SAFETY: Both are valid for the duration of this call; it cannot fail.
                unsafe { bindings::stream_open(inode, file) };
            }
            // SAFETY: The file is being opened: nobody else uses its private data.
            unsafe { (*file).private_data = private.into_foreign() };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `file` must be a file that [`Self::open`] has opened, and that is being released.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `open` stored the data, procfs calls this once for each open file, and no other
        // call runs now or later.
        drop(unsafe { T::Ptr::from_foreign((*file).private_data) });
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
        let kiocb = unsafe { Kiocb::from_raw(kiocb) };
        // SAFETY: The caller promises a valid destination.
        let iov = unsafe { IovIterDest::from_raw(iter) };
        // SAFETY: The kiocb keeps its file alive for the duration of this call; a call of
        // `fdget_pos` for it is on this thread, or has taken the lock of the file position.
        let file = unsafe { ProcFile::from_raw((*kiocb.as_raw()).ki_filp) };

        // CAST: a count of bytes in memory fits.
        from_result(|| T::read_iter(kiocb, file, iov).map(|count| count as isize))
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
        let this = unsafe { T::Ptr::borrow((*file).private_data) };
        let from = UserPtr::from_addr(from.addr());

        // CAST: a count of bytes in memory fits.
        from_result(|| T::write(this, from, len).map(|count| count as isize))
    }
}
