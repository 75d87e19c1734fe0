// SPDX-License-Identifier: GPL-2.0

//! Binary attributes in `/sys/kernel`.
//!
//! A binary attribute, unlike a `kobj_attribute`, is told which open file is read or written, and
//! so whose credentials count. It has no open hook: its data belongs to the attribute, not to an
//! open file.
//!
//! Removing an attribute waits for the calls that run; later ones fail with `ENODEV`. Hence a
//! [`BinAttribute`] must not be dropped by one of its own calls.
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)

use super::bindings;
use core::ptr::NonNull;
use kernel::{
    container_of,
    error::{
        from_result,
        to_result, //
    },
    fs::LocalFile,
    prelude::*,
    types::Opaque, //
};

/// A directory in `/sys/kernel`.
///
/// # Invariants
///
/// Owns a reference to a kobject that `kobject_create_and_add()` made. Its release function is in
/// the kernel, so that a late release needs nothing of this module.
pub(crate) struct Kobject(NonNull<bindings::kobject>);

// SAFETY: The reference may be dropped on any thread.
unsafe impl Send for Kobject {}
// SAFETY: sysfs synchronises what is done with a kobject through a shared reference.
unsafe impl Sync for Kobject {}

impl Kobject {
    /// Makes the directory `/sys/kernel/NAME`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; also where the name is taken.
    #[doc(alias = "kobject_create_and_add")]
    pub(crate) fn new_in_kernel(name: &CStr) -> Result<Self> {
        // SAFETY: `name` is a valid string, which is copied; `kernel_kobj` is set during boot and
        // never changes.
        let kobj =
            unsafe { bindings::kobject_create_and_add(name.as_char_ptr(), bindings::kernel_kobj) };
        // INVARIANT: The reference is the one that was just made.
        Ok(Kobject(NonNull::new(kobj).ok_or(ENOMEM)?))
    }
}

impl Drop for Kobject {
    fn drop(&mut self) {
        // SAFETY: Gives up the reference of the type invariant.
        unsafe { bindings::kobject_put(self.0.as_ptr()) };
    }
}

/// What reads and writes of a binary attribute do; implemented by its data.
///
/// An attribute that is leaked stays registered: hence its data is `'static`.
///
/// # Examples
///
/// ```
/// use crate::abstractions::sysfs::{BinAttribute, BinOperations, Kobject};
/// use core::sync::atomic::{AtomicUsize, Ordering};
/// use kernel::{fs::LocalFile, prelude::*};
///
/// /// An attribute that says how long the last write was.
/// struct Length(AtomicUsize);
///
/// impl BinOperations for Length {
///     fn read(&self, _file: &LocalFile, to: &mut [u8], pos: usize) -> Result<usize> {
///         let bytes = self.0.load(Ordering::Relaxed).to_ne_bytes();
///         let rest = bytes.get(pos..).unwrap_or(&[]);
///         let count = rest.len().min(to.len());
///         to[..count].copy_from_slice(&rest[..count]);
///         Ok(count)
///     }
///
///     fn write(&self, _file: &LocalFile, from: &[u8]) -> Result {
///         self.0.store(from.len(), Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// /// Makes `/sys/kernel/example/length`.
/// fn new() -> Result<Pin<KBox<BinAttribute<Length>>>> {
///     let kobj = Kobject::new_in_kernel(c"example")?;
///     let data = Ok(Length(AtomicUsize::new(0)));
///     KBox::try_pin_init(BinAttribute::new(kobj, c"length", 0o600, data), GFP_KERNEL)
/// }
/// ```
pub(crate) trait BinOperations: Send + Sync + 'static {
    /// Reads at `pos` into `to`, and returns how many bytes.
    ///
    /// Context: process context, may sleep.
    fn read(&self, file: &LocalFile, to: &mut [u8], pos: usize) -> Result<usize>;

    /// Takes one write.
    ///
    /// Context: process context, may sleep.
    fn write(&self, file: &LocalFile, from: &[u8]) -> Result;
}

/// A binary attribute in a directory of its own, with its data.
///
/// # Invariants
///
/// `attr` is initialised and registered in `kobj`, from when the value is initialised until it is
/// dropped.
#[pin_data(PinnedDrop)]
pub(crate) struct BinAttribute<T: BinOperations> {
    #[pin]
    attr: Opaque<bindings::bin_attribute>,
    #[pin]
    data: T,
    kobj: Kobject,
}

// SAFETY: `attr` belongs to no thread.
unsafe impl<T: BinOperations> Send for BinAttribute<T> {}
// SAFETY: Nothing can be done with `attr` through a shared reference, and `T` is `Sync`.
unsafe impl<T: BinOperations> Sync for BinAttribute<T> {}

impl<T: BinOperations> BinAttribute<T> {
    /// Registers an attribute in `kobj`.
    #[doc(alias = "sysfs_create_bin_file")]
    pub(crate) fn new(
        kobj: Kobject,
        name: &'static CStr,
        mode: u16,
        data: impl PinInit<T, Error>,
    ) -> impl PinInit<Self, Error> {
        let raw_kobj = kobj.0.as_ptr();
        // The attribute comes last: as soon as it is registered, calls may come and use `data`.
        try_pin_init!(BinAttribute {
            kobj,
            data <- data,
            attr <- Opaque::try_ffi_init(move |slot: *mut bindings::bin_attribute| {
                let mut attr = bindings::bin_attribute {
                    read: Some(Self::read),
                    write: Some(Self::write),
                    ..Default::default()
                };
                attr.attr.name = name.as_char_ptr();
                attr.attr.mode = mode;
                // Lockdep refuses a key on the heap, such as the attribute's own.
                #[cfg(CONFIG_DEBUG_LOCK_ALLOC)]
                {
                    attr.attr.key = kernel::static_lock_class!().as_ptr();
                }
                // SAFETY: The slot may be written, and is pinned.
                unsafe { slot.write(attr) };
                // SAFETY: The kobject is alive, and the attribute stays where it is until
                // `PinnedDrop` has removed it.
                to_result(unsafe { bindings::sysfs_create_bin_file(raw_kobj, slot) })
            }),
        })
    }

    /// Returns the data of the attribute that sysfs calls.
    ///
    /// # Safety
    ///
    /// `attr` must be the field of a `BinAttribute<T>` that is registered during `'a`.
    unsafe fn data<'a>(attr: *const bindings::bin_attribute) -> &'a T {
        let attr: *const Opaque<bindings::bin_attribute> = attr.cast();
        // SAFETY: The caller promises that this is a field of `Self`.
        let this = unsafe { container_of!(attr.cast_mut(), Self, attr) };
        // SAFETY: The data was initialised before the attribute was registered, and is dropped
        // only after it was removed.
        unsafe { &(*this).data }
    }

    /// # Safety
    ///
    /// Called by sysfs only, for an attribute that [`Self::new`] has registered.
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        _kobj: *mut bindings::kobject,
        attr: *const bindings::bin_attribute,
        to: *mut c_char,
        pos: bindings::loff_t,
        count: usize,
    ) -> isize {
        // SAFETY: sysfs holds an active reference, which keeps the attribute registered.
        let data = unsafe { Self::data(attr) };
        // SAFETY: The file is valid for the duration of this call; a call of `fdget_pos` for it
        // is on this thread, or has taken the lock of the file position.
        let file = unsafe { LocalFile::from_raw_file(file) };
        // SAFETY: sysfs passes a buffer of `count` bytes that nobody else uses during this call.
        // It is fresh from kmalloc(), so it is initialised here.
        let to = unsafe {
            to.cast::<u8>().write_bytes(0, count);
            core::slice::from_raw_parts_mut(to.cast::<u8>(), count)
        };
        // A position is never negative; one that does not fit is past every end.
        let pos = usize::try_from(pos).unwrap_or(usize::MAX);

        from_result(|| data.read(file, to, pos).map(|count| count as isize))
    }

    /// # Safety
    ///
    /// Called by sysfs only, for an attribute that [`Self::new`] has registered.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        _kobj: *mut bindings::kobject,
        attr: *const bindings::bin_attribute,
        from: *mut c_char,
        _pos: bindings::loff_t,
        count: usize,
    ) -> isize {
        // SAFETY: sysfs holds an active reference, which keeps the attribute registered.
        let data = unsafe { Self::data(attr) };
        // SAFETY: As in `read`.
        let file = unsafe { LocalFile::from_raw_file(file) };
        // SAFETY: sysfs passes a buffer with `count` bytes that the user wrote.
        let from = unsafe { core::slice::from_raw_parts(from.cast::<u8>(), count) };

        from_result(|| data.write(file, from).map(|()| count as isize))
    }
}

#[pinned_drop]
impl<T: BinOperations> PinnedDrop for BinAttribute<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The attribute is registered by the type invariant. This waits for the calls that
        // run; none comes later.
        unsafe { bindings::sysfs_remove_bin_file(self.kobj.0.as_ptr(), self.attr.get()) };
    }
}
