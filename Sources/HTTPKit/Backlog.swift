// A listening socket -> the same without connections that wait to be accepted.
//
// The system makes a connection before it is accepted, and the client may have sent its request by
// then. Closing the listening socket resets those, so a filter first keeps new ones from being
// made (their clients try again after a second and are refused then), and all others are accepted.

import Glibc
import NIOCore

enum Backlog {
    /// BPF's instruction, laid out as `struct sock_filter` of linux/filter.h.
    private struct Instruction {
        var code: UInt16
        var jumps: UInt16 = 0
        var constant: UInt32
    }

    /// `struct sock_fprog` of linux/filter.h.
    // Safety: it points to one instruction, which stays until the filter is attached.
    @safe private struct Filter: @unchecked Sendable {
        var count: UInt16 = 1
        var instructions: UnsafeMutablePointer<Instruction>
    }

    private static var waitNanosecondsMax: UInt64 { 1_000_000_000 }
    private static var pauseNanoseconds: UInt64 { 10_000_000 }

    /// Waits until no connection waits to be accepted, and sees to it that none comes after.
    static func empty(of channel: any Channel) async {
        await refuse(on: channel)
        let end = LoopClock.now &+ waitNanosecondsMax
        var isEmpty = false
        while !isEmpty, LoopClock.now < end {
            try? await Task.sleep(nanoseconds: pauseNanoseconds)
            isEmpty = await waitingCount(channel) == 0
        }
    }

    /// Where there is no filter (a Unix socket has none), what comes last may be reset.
    private static func refuse(on channel: any Channel) async {
        guard let provider = channel as? any SocketOptionProvider else { return }
        let instruction = UnsafeMutablePointer<Instruction>.allocate(capacity: 1)
        // BPF_RET | BPF_K: keep none of the packet's bytes.
        unsafe instruction.initialize(to: Instruction(code: 6, constant: 0))
        defer { unsafe instruction.deallocate() }
        let filter = unsafe Filter(instructions: instruction)
        try? await provider.unsafeSetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: SO_ATTACH_FILTER), value: filter
        ).get()
    }

    /// Connections that wait to be accepted: of a listening socket `tcpi_unacked` counts them.
    private static func waitingCount(_ channel: any Channel) async -> UInt32 {
        guard let provider = channel as? any SocketOptionProvider else { return 0 }
        return (try? await provider.getTCPInfo().get().tcpi_unacked) ?? 0
    }
}
