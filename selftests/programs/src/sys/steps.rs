// SPDX-License-Identifier: GPL-2.0

//! A process whose read(2) calls are interrupted by a signal that came before they began: of a
//! long answer each call makes one step, whatever the machine's speed.
//!
//! The process is traced. It stops where it enters the call; there the signal is sent, and
//! where it would be handled the tracer takes it away: the kernel then repeats the call, and
//! the process never learns of it.

use std::ptr;

use crate::prelude::*;

pub struct Steps {
    pid: Pid,
    /// Whether the next stop is the end of a call.
    inside: bool,
}

fn ptrace(request: libc::c_uint, pid: Pid, data: usize) -> io::Result<()> {
    let none = ptr::null_mut::<libc::c_void>();
    // SAFETY: these requests take a number as data, and no address.
    check(unsafe { libc::ptrace(request as _, pid, none, data) } as libc::c_int).map(drop)
}

fn wait(pid: Pid) -> io::Result<libc::c_int> {
    let mut status = 0;
    // SAFETY: `status` is valid for the write.
    check(unsafe { libc::waitpid(pid, &mut status, 0) })?;
    Ok(status)
}

/// Traces a thread, which stays where it is. When it ends it is not waited for, and so is there
/// for as long as this process.
pub fn seize(thread: Pid) -> io::Result<()> {
    ptrace(libc::PTRACE_SEIZE as _, thread, 0)
}

/// The number of the call that a stopped process enters.
fn call_number(pid: Pid) -> io::Result<u64> {
    // struct ptrace_syscall_info, include/uapi/linux/ptrace.h: op, …, nr at 24.
    const GET_SYSCALL_INFO: libc::c_uint = 0x420e;
    let mut info = [0u64; 11];
    // SAFETY: the buffer has the size that is passed as address.
    let n = unsafe {
        let size = size_of_val(&info) as *mut libc::c_void;
        libc::ptrace(GET_SYSCALL_INFO as _, pid, size, info.as_mut_ptr())
    };
    check(n as libc::c_int)?;
    match info[0] as u8 {
        1 => Ok(info[3]),
        _ => Err(error!("not where a call begins")),
    }
}

impl Steps {
    /// Starts a process that runs `child` and is traced. Only for programs that have one thread
    /// at that moment.
    fn start(child: impl FnOnce()) -> io::Result<Self> {
        let pid = process::fork_tied(|| {
            // SAFETY: the calls take no address.
            unsafe {
                libc::ptrace(libc::PTRACE_TRACEME);
                libc::raise(libc::SIGSTOP);
            }
            child();
        })?;
        wait(pid)?;
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
        ptrace(libc::PTRACE_SETOPTIONS as _, pid, options as usize)?;
        Ok(Self { pid, inside: false })
    }

    /// Lets it run until it is about to read; `false` if it has ended. No signal reaches it.
    fn run_to_read(&mut self) -> io::Result<bool> {
        loop {
            ptrace(libc::PTRACE_SYSCALL as _, self.pid, 0)?;
            let status = wait(self.pid)?;
            if !libc::WIFSTOPPED(status) {
                return Ok(false);
            }
            if libc::WSTOPSIG(status) != libc::SIGTRAP | 0x80 {
                continue;
            }
            self.inside = !self.inside;
            if self.inside && call_number(self.pid)? == libc::SYS_read as u64 {
                return Ok(true);
            }
        }
    }

    /// Asks a question of a conversation, and calls `between` before each step of the answer,
    /// with its number: the call that follows is interrupted where that says so.
    pub fn ask(
        file: &str,
        question: &str,
        mut between: impl FnMut(usize) -> io::Result<bool>,
    ) -> io::Result<String> {
        let (mut text, mut tell) = sys::pipe()?;
        let mut reader = Self::start(|| {
            let answer = Conversation::of(file).and_then(|mut file| file.ask(question));
            let answer = answer.unwrap_or_else(|error| format!("{error}"));
            let _ = tell.write_all(answer.as_bytes());
        })?;
        drop(tell);
        for step in 0.. {
            if !reader.run_to_read()? {
                break;
            }
            if between(step)? {
                // SAFETY: the call takes only numbers.
                check(unsafe { libc::kill(reader.pid, libc::SIGUSR1) })?;
            }
        }
        let mut answer = String::new();
        text.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        process::end(&[self.pid]);
    }
}
