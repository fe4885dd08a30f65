// A network and a clock for one event loop, without an operating system: each socket is two bounded
// queues of bytes, and time is a number that the simulation advances.
//
//     client --> toServer --> server --> toClient --> client
//
// It keeps TCP's rules where they decide what a client gets: closing a socket whose received bytes
// were not all read resets the connection, so does sending to a closed one, and after a reset
// nothing that was under way arrives.

import CEpoll
import TestSupport

@testable import HTTPKit

final class SimulatedNetwork: SystemCalls {
    /// One connection, seen from both sides.
    final class Link {
        // What the client sent and the server has not read.
        var toServer: [UInt8] = []
        var toServerStart = 0
        var toServerRoom: Int
        /// The client sends no more.
        var isClientShut = false
        /// The client closed its socket, so that what arrives there resets the connection.
        var isClientClosed = false
        // What the server sent and the client has not read.
        var toClient: [UInt8] = []
        var toClientStart = 0
        var toClientRoom: Int
        /// The server sends no more.
        var isServerShut = false
        var isServerClosed = false
        /// The connection was reset, by either side.
        var isReset = false
        /// Bytes that the server has sent in total.
        var sentCount = 0
        fileprivate var interest = Readiness()
        fileprivate var mark: UInt64?

        init(toServerRoom: Int, toClientRoom: Int) {
            self.toServerRoom = toServerRoom
            self.toClientRoom = toClientRoom
        }

        var toServerCount: Int { toServer.count - toServerStart }
        var toClientCount: Int { toClient.count - toClientStart }

        fileprivate var readiness: Readiness {
            var ready = Readiness()
            if isReset { return [.read, .write, .broken] }
            if toServerCount > 0 || isClientShut { ready.insert(.read) }
            // As on Linux, a third of the room is free before a socket is writable again.
            if toClientCount <= toClientRoom / 3 * 2 { ready.insert(.write) }
            if isClientShut, isServerShut { ready.insert(.broken) }
            return ready
        }

        func reset() {
            isReset = true
            (toServer, toServerStart, toClient, toClientStart) = ([], 0, [], 0)
        }

        // MARK: The client's side

        /// - Returns: how many bytes were taken; nil if the connection is gone.
        func clientSends(_ bytes: ArraySlice<UInt8>) -> Int? {
            if isReset { return nil }
            if isServerClosed {
                reset()
                return nil
            }
            let count = min(bytes.count, toServerRoom - toServerCount)
            toServer += bytes.prefix(count)
            return count
        }

        func clientReads(_ countMax: Int) -> [UInt8] {
            let count = min(countMax, toClientCount)
            let bytes = Array(toClient[toClientStart..<toClientStart + count])
            toClientStart += count
            if toClientStart == toClient.count || toClientStart > 1 << 18 {
                toClient.removeFirst(toClientStart)
                toClientStart = 0
            }
            return bytes
        }

        func clientShutsSending() { isClientShut = true }

        func clientCloses() {
            isClientClosed = true
            isClientShut = true
            if toClientCount > 0 { reset() }
        }
    }

    /// Monotonic nanoseconds.
    var time: UInt64
    /// When the loop wants to be woken.
    private(set) var armedTime = UInt64.max
    private(set) var links: [Int32: Link] = [:]
    private var lastDescriptor: Int32 = 100
    private var numbers: SeededGenerator

    init(time: UInt64, seed: UInt64) {
        self.time = time
        numbers = SeededGenerator(state: seed)
        super.init()
    }

    func makeLink() -> (Int32, Link) {
        lastDescriptor += 1
        let link = Link(
            toServerRoom: 1 << Int.random(in: 14...22, using: &numbers),
            toClientRoom: 1 << Int.random(in: 14...23, using: &numbers))
        links[lastDescriptor] = link
        return (lastDescriptor, link)
    }

    /// Whether a turn of the loop would find a socket ready.
    var hasReadySocket: Bool {
        links.values.contains { link in
            link.mark != nil
                && !link.readiness.isDisjoint(with: link.interest.union(.broken))
        }
    }

    // MARK: The system's calls

    override func now() -> UInt64 { time }
    override func arm(_ time: UInt64) { armedTime = time }
    override func wake() {}

    override func wait(
        _ events: UnsafeMutablePointer<epoll_watch>, _ countMax: Int, isPolling: Bool
    ) -> Int {
        var ready: [(mark: UInt64, readiness: Readiness)] = []
        for descriptor in links.keys.sorted() {
            guard let link = links[descriptor], let mark = link.mark else { continue }
            let readiness = link.readiness.intersection(link.interest.union(.broken))
            if !readiness.isEmpty { ready.append((mark, readiness)) }
        }
        ready.shuffle(using: &numbers)
        let count = min(ready.count, countMax)
        for i in 0..<count {
            unsafe events[i] = epoll_watch(events: ready[i].readiness.rawValue, mark: ready[i].mark)
        }
        return count
    }

    override func watch(
        _ operation: Int32, _ descriptor: Int32, _ interest: Readiness, mark: UInt64
    ) -> Bool {
        guard let link = links[descriptor] else { return false }
        link.interest = interest
        link.mark = operation == EPOLL_REMOVE ? nil : mark
        return true
    }

    override func receive(
        _ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer
    ) -> Socket.Reading {
        guard let link = links[descriptor], !link.isReset else { return .failed }
        if link.toServerCount == 0 { return link.isClientShut ? .end : .wouldBlock }
        let count = min(room.count, link.toServerCount)
        let start = link.toServerStart
        unsafe room.copyBytes(from: link.toServer[start..<start + count])
        link.toServerStart += count
        if link.toServerStart == link.toServer.count || link.toServerStart > 1 << 18 {
            link.toServer.removeFirst(link.toServerStart)
            link.toServerStart = 0
        }
        return .bytes(count)
    }

    override func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Socket.Writing {
        guard let link = links[descriptor], !link.isReset, !link.isServerShut else {
            return .failed
        }
        if link.isClientClosed, bytes.count > 0 {
            link.reset()
            return .bytes(bytes.count)
        }
        let count = min(bytes.count, max(0, link.toClientRoom - link.toClientCount))
        unsafe link.toClient += UnsafeRawBufferPointer(rebasing: bytes[..<count])
        link.sentCount += count
        return .bytes(count)
    }

    override func send(
        _ descriptor: Int32, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
    ) -> Socket.Writing {
        unsafe send(
            descriptor, UnsafeRawBufferPointer(start: first.baseAddress, count: first.count)
        )
        .followed(by: first.count) { unsafe send(descriptor, second) }
    }

    override func unacknowledgedByteCount(_ descriptor: Int32) -> Int {
        links[descriptor]?.toClientCount ?? 0
    }

    override func shutWriting(_ descriptor: Int32) { links[descriptor]?.isServerShut = true }

    override func close(_ descriptor: Int32, isReset: Bool) {
        guard let link = links.removeValue(forKey: descriptor) else { return }
        link.isServerClosed = true
        link.mark = nil
        if isReset || link.toServerCount > 0 { link.reset() }
    }
}

extension Socket.Writing {
    /// The result of sending a second run of bytes after a first one of `count` bytes.
    fileprivate func followed(by count: Int, _ second: () -> Socket.Writing) -> Socket.Writing {
        guard case .bytes(count) = self, case .bytes(let more) = second() else { return self }
        return .bytes(count + more)
    }
}
