// SPDX-License-Identifier: GPL-2.0

//! Bugs to order: `insmod memintro_detectors.ko bug=N` has bug N while it loads.
//!
//! For an emulated machine only: it proves that the kernel there reports such bugs, so that a
//! run without a report means something, and that one which is dead ends.

use kernel::{
    new_mutex,
    new_spinlock,
    prelude::*,
    sync::{
        Arc,
        Mutex,
        SpinLock, //
    },
    time::{
        delay,
        Delta,
        Instant,
        Monotonic, //
    }, //
};

module! {
    type: Detectors,
    name: "memintro_detectors",
    authors: ["The memintro developers"],
    description: "Bugs that the kernel's checks must find",
    license: "GPL",
    params: {
        bug: u8 {
            default: 0,
            description: "Number of the bug to have, 0 for none",
        },
    },
}

unsafe extern "C" {
    safe fn detectors_rcu_without_lock() -> i32;
    safe fn detectors_warning();
    safe fn detectors_linear_of_vmalloc() -> u64;
    safe fn detectors_spinlock_in_raw_one();
}

struct Detectors;

/// Reads one byte, whatever is there.
#[inline(never)]
fn read(byte: *const u8) {
    // SAFETY: None: this is the bug.
    let value = unsafe { byte.read_volatile() };
    pr_info!("read {value}\n");
}

fn use_after_free() -> Result {
    let object = KBox::new([1u8; 64], GFP_KERNEL)?;
    let byte = object.as_ptr();
    drop(object);
    read(byte);
    Ok(())
}

fn out_of_bounds() -> Result {
    let object = KBox::new([1u8; 40], GFP_KERNEL)?;
    read(object.as_ptr().wrapping_add(object.len()));
    Ok(())
}

fn out_of_bounds_vmalloc() -> Result {
    let object = VVec::from_elem(1u8, 100, GFP_KERNEL)?;
    read(object.as_ptr().wrapping_add(object.len() + 28));
    Ok(())
}

fn sleep_under_spinlock() -> Result {
    let lock = Arc::pin_init(new_spinlock!(0u8, "detectors: spinlock"), GFP_KERNEL)?;
    let guard = lock.lock();
    let object = KBox::new(*guard, GFP_KERNEL)?;
    drop(guard);
    drop(object);
    Ok(())
}

fn lock_inversion() -> Result {
    let first: Arc<Mutex<u8>> = Arc::pin_init(new_mutex!(0, "detectors: first"), GFP_KERNEL)?;
    let second: Arc<Mutex<u8>> = Arc::pin_init(new_mutex!(0, "detectors: second"), GFP_KERNEL)?;
    for (outer, inner) in [(&first, &second), (&second, &first)] {
        let outer = outer.lock();
        let inner = inner.lock();
        drop(inner);
        drop(outer);
    }
    Ok(())
}

fn leak() -> Result {
    // Many, as a word that looks like a pointer to one of them may be somewhere.
    for _ in 0..64 {
        KBox::leak(KBox::new([1u8; 96], GFP_KERNEL)?);
    }
    Ok(())
}

fn sleep_uninterruptibly() -> Result {
    delay::fsleep(Delta::from_secs(20));
    Ok(())
}

fn keep_processor() -> Result {
    let lock: Arc<SpinLock<u8>> =
        Arc::pin_init(new_spinlock!(0, "detectors: spinlock"), GFP_KERNEL)?;
    let guard = lock.lock();
    let begin = Instant::<Monotonic>::now();
    while begin.elapsed().as_millis() < 10_000 {
        core::hint::spin_loop();
    }
    drop(guard);
    Ok(())
}

impl kernel::Module for Detectors {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let bug = module_parameters::bug.value();
        match bug {
            1 => use_after_free()?,
            2 => out_of_bounds()?,
            3 => out_of_bounds_vmalloc()?,
            4 => sleep_under_spinlock()?,
            5 => lock_inversion()?,
            6 => pr_info!("value {}\n", detectors_rcu_without_lock()),
            7 => leak()?,
            8 => pr_info!("sum {}\n", bug + (u8::MAX - 7)),
            9 => debug_assert!(bug == 0, "a debug assertion"),
            10 => pr_info!("address {:#x}\n", detectors_linear_of_vmalloc()),
            11 => sleep_uninterruptibly()?,
            12 => keep_processor()?,
            13 => detectors_warning(),
            14 => panic!("a panic in Rust"),
            15 => detectors_spinlock_in_raw_one(),
            _ => pr_info!("no bug\n"),
        }
        Ok(Detectors)
    }
}
