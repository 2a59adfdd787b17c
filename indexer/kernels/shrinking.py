"""Files that become shorter while they are mapped: what was cut off reads as zeros.

To read a page that is past the end of its file ends the process with SIGBUS. Once `install`
has run, a handler puts empty pages in the place of those, and the read goes on. Whatever was
read is of no use then: callers ask `happened` afterwards, and compare the sizes of files.

The handler runs in the thread that read, wherever it was, so nothing of Python may run in it:
it is compiled from a few lines of LLVM's language. Only mappings named by `watch` are its
business; for any other it gives way to what handled the signal before.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
import sys
import threading
import weakref
from typing import Any

import numpy as np

#: Mappings that are watched at a time. Others are as without the handler.
_MOST = 1 << 14
#: Where mappings begin and end, as addresses; 0 where there is none.
_RANGES = (ctypes.c_uint64 * (2 * _MOST))()
#: How many times pages were missing; how many rows of `_RANGES` have ever been used.
_COUNTS = (ctypes.c_uint64 * 2)()
_free: list[int] = []
_lock = threading.Lock()

#: Of Linux on every 64-bit processor: where what a handler is told has the address,
#: SA_SIGINFO | SA_RESTART, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS.
_ADDRESS_AT, _FLAGS, _MAP_FLAGS = 16, 0x10000004, 0x32
_HANDLER = """
declare ptr @mmap(ptr, i64, i32, i32, i32, i64)
declare i32 @sigaction(i32, ptr, ptr)

define void @shrunk(i32 %number, ptr %info, ptr %context) {{
entry:
  %place = getelementptr i8, ptr %info, i64 {address_at}
  %address = load i64, ptr %place
  %used = load volatile i64, ptr inttoptr (i64 {used} to ptr)
  br label %next
next:
  %row = phi i64 [0, %entry], [%following, %again]
  %done = icmp eq i64 %row, %used
  br i1 %done, label %foreign, label %look
look:
  %begin_at = getelementptr [2 x i64], ptr inttoptr (i64 {ranges} to ptr), i64 %row
  %begin = load volatile i64, ptr %begin_at
  %end_at = getelementptr i64, ptr %begin_at, i64 1
  %end = load volatile i64, ptr %end_at
  %above = icmp uge i64 %address, %begin
  %below = icmp ult i64 %address, %end
  %inside = and i1 %above, %below
  br i1 %inside, label %ours, label %again
again:
  %following = add i64 %row, 1
  br label %next
ours:
  %page = and i64 %address, -{page_size}
  %size = sub i64 %end, %page
  %start = inttoptr i64 %page to ptr
  %mapped = call ptr @mmap(ptr %start, i64 %size, i32 1, i32 {map_flags}, i32 -1, i64 0)
  %same = icmp eq ptr %mapped, %start
  br i1 %same, label %count, label %foreign
count:
  %before = atomicrmw add ptr inttoptr (i64 {count} to ptr), i64 1 seq_cst
  ret void
foreign:
  %set = call i32 @sigaction(i32 {signal}, ptr inttoptr (i64 {old} to ptr), ptr null)
  ret void
}}
"""


class _Action(ctypes.Structure):
    """`struct sigaction`."""

    _fields_ = (
        ("handler", ctypes.c_void_p), ("mask", ctypes.c_ulong * 16), ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )  # fmt: skip


_before = _Action()
#: What keeps the handler's code.
_engine: Any = None


def watch(mapping: mmap.mmap) -> None:
    """Have the handler see to a mapping for as long as it is there."""
    begin = np.frombuffer(mapping, np.uint8).ctypes.data
    end = begin - (-len(mapping) // mmap.PAGESIZE) * mmap.PAGESIZE
    with _lock:
        row = _free.pop() if _free else _COUNTS[1]
        if row == _MOST:
            return
        _RANGES[2 * row], _RANGES[2 * row + 1] = begin, end
        _COUNTS[1] = max(_COUNTS[1], row + 1)
    weakref.finalize(mapping, _forget, row).atexit = False


def _forget(row: int) -> None:
    _RANGES[2 * row + 1] = 0
    _free.append(row)


def happened() -> bool:
    """Whether a page was ever missing in this process."""
    return _COUNTS[0] != 0


def install() -> None:
    """Handle the signal from now on; does nothing where that is not known to work."""
    global _engine
    if _engine is not None or sys.platform != "linux" or sys.maxsize < 1 << 32:
        return
    import llvmlite.binding as llvm

    text = _HANDLER.format(
        address_at=_ADDRESS_AT, page_size=mmap.PAGESIZE, map_flags=_MAP_FLAGS,
        signal=int(signal.SIGBUS), ranges=ctypes.addressof(_RANGES),
        count=ctypes.addressof(_COUNTS), used=ctypes.addressof(_COUNTS) + 8,
        old=ctypes.addressof(_before),
    )  # fmt: skip
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    _engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), machine)
    _engine.finalize_object()
    action = _Action(handler=_engine.get_function_address("shrunk"), flags=_FLAGS)
    ctypes.CDLL(None).sigaction(signal.SIGBUS, ctypes.byref(action), ctypes.byref(_before))
