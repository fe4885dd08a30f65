// A listening socket -> the same socket with an empty accept queue.
//
// The system establishes a connection before it is accepted, and the client may have sent its
// request by then. Closing the listening socket would reset such connections. So a filter first
// prevents new ones (their clients try again after a second and are refused then), and all others
// are accepted.

internal import Glibc

enum AcceptQueue {
    /// BPF's instruction, laid out as `struct sock_filter` of linux/filter.h.
    private struct Instruction {
        var code: UInt16
        var jumps: UInt16 = 0
        var constant: UInt32
    }

    /// `struct sock_fprog` of linux/filter.h.
    @safe private struct Filter: BitwiseCopyable {
        var count: UInt16 = 1
        // Safety: it points to one instruction, which stays valid until the filter is attached.
        var instructions: UnsafeMutablePointer<Instruction>
    }

    private static var waitNanosecondsMax: UInt64 { 1_000_000_000 }
    private static var pauseNanoseconds: UInt64 { 10_000_000 }

    /// Waits until the accept queue is empty, and prevents further connections.
    /// - Parameter descriptor: remains open.
    static func drain(_ descriptor: Int32) async {
        filterAll(descriptor)
        let end = LoopClock.now &+ waitNanosecondsMax
        var isEmpty = false
        while !isEmpty, LoopClock.now < end {
            try? await Task.sleep(nanoseconds: pauseNanoseconds)
            isEmpty = waitingCount(descriptor) == 0
        }
    }

    /// Without a filter (a Unix socket has none), the last connections may be reset.
    private static func filterAll(_ descriptor: Int32) {
        // BPF_RET | BPF_K: keep none of the packet's bytes.
        var instruction = Instruction(code: 6, constant: 0)
        // Safety: the filter is copied while the closure runs.
        unsafe withUnsafeMutablePointer(to: &instruction) { instruction in
            Socket.setOption(
                descriptor, SOL_SOCKET, SO_ATTACH_FILTER, unsafe Filter(instructions: instruction))
        }
    }

    /// Length of the accept queue: `tcpi_unacked` of a listening socket.
    private static func waitingCount(_ descriptor: Int32) -> UInt32 {
        var facts = tcp_info()
        var byteCount = socklen_t(MemoryLayout<tcp_info>.size)
        // Safety: the call writes at most as many bytes as the facts have.
        let result = unsafe getsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_INFO, &facts, &byteCount)
        return result == 0 ? facts.tcpi_unacked : 0
    }
}
