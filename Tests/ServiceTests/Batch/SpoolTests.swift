// Clients that send all before they read: their outputs wait in files, within a bound.

import Dispatch
import TestSupport
import Testing

import struct NIOCore.ByteBuffer

@testable import HTTPKit
@testable import TransformService

@Suite(.timeLimit(.minutes(3)))
struct SpoolTests {
    /// Sends a batch of `byteCount` bytes completely before it reads any of the answer.
    private static func sendThenRead(
        _ running: RunningService, byteCount: Int
    ) async throws -> (content: [UInt8], reply: BatchReply) {
        let port = running.port
        let line = Array("\"\(String(repeating: "x", count: 1_021))\"\n".utf8)
        let content = Array(repeatElement(line, count: byteCount / line.count).joined())
        let request = RunningService.linesRequest(content, ".")
        let reply = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        let client = try RawClient(port: port, receiveBufferBytes: 4_096)
                        client.send(request)
                        return BatchReply(client)
                    })
            }
        }
        return (content, reply)
    }

    /// More than sockets and a batch's window hold.
    private static var longByteCount: Int { 24 << 20 }

    @Test func answersAClientThatSendsAllBeforeItReads() async throws {
        try await RunningService.with { running in
            let (content, reply) = try await Self.sendThenRead(
                running, byteCount: Self.longByteCount)
            #expect(reply.status == 200)
            #expect(reply.isWhole)
            #expect(reply.content == content)
            #expect(await running.wait { running.service.batches.count == 0 })
            #expect(await running.wait { running.service.batches.spool.bytes == 0 })
            #expect(running.service.batches.spool.fullCount == 0)
        }
    }

    /// With no room, or no file, the connection ends with a reset and never looks whole.
    @Test(arguments: [(0, "/tmp"), (1 << 20, "/tmp"), (1 << 30, "/nowhere")])
    func cutsClientsWhoseOutputsItCannotKeep(_ bytesMax: Int, _ folder: String) async throws {
        try await RunningService.with {
            $0.spoolBytesMax = bytesMax
            $0.spoolFolder = folder
            $0.http.rateWindowNanoseconds = 200_000_000
        } _: { running in
            let (_, reply) = try await Self.sendThenRead(running, byteCount: Self.longByteCount)
            #expect(!reply.isWhole)
            #expect(await running.wait { running.service.batches.count == 0 })
            #expect(await running.wait { running.service.batches.spool.bytes == 0 })
            #expect((running.service.batches.spool.fullCount > 0) == (bytesMax > 0))
        }
    }

    /// The `Content-Length` for HTTP/1.0 counts coded bytes, the coding's header and trailer too.
    @Test(arguments: [(ContentCoding.gzip, "gzip"), (.deflate, "deflate")])
    func countsCodedBytes(_ coding: ContentCoding, _ name: String) async throws {
        let numbers = (0..<300_000).map { "\($0 &* 2_654_435_761 % 1_000_003)\n" }.joined()
        let request =
            "POST /transform?program=. HTTP/1.0\r\nContent-Type: application/x-ndjson\r\n"
            + "Accept-Encoding: \(name)\r\nContent-Length: \(numbers.utf8.count)\r\n\r\n"
        try await RunningService.with { running in
            let reply = try await running.batch(Array((request + numbers).utf8))
            #expect(reply.status == 200 && reply.isWhole)
            #expect(reply.has("Content-Encoding: \(name)"))
            #expect(reply.content.count > 512 << 10)
            #expect(try CodingTests.inflated(reply.content, coding) == Array(numbers.utf8))
        }
    }

    @Test func reportsThatNoFileCanBeMade() {
        #expect(SpoolFolder("/nowhere", bytesMax: 1, MemoryAccount()).fault() != nil)
        #expect(SpoolFolder("/nowhere", bytesMax: 0, MemoryAccount()).fault() == nil)
        #expect(SpoolFolder("/tmp", bytesMax: 1, MemoryAccount()).fault() == nil)
    }

    @Test func countsFilesInMemory() {
        let memory = MemoryAccount(bytesMax: 1_000)
        let loop = Self.makeLoop()
        let folder = SpoolFolder("/dev/shm", bytesMax: 1 << 20, memory) { $0() }
        do {
            let spool = Spool(folder, loop)
            spool.append(ByteBuffer(repeating: 1, count: 800)) { #expect($0) }
            _ = loop.runIteration()
            #expect(memory.bytes(of: .batches) == 800)
            spool.append(ByteBuffer(repeating: 2, count: 300)) { #expect(!$0) }
            #expect(spool.byteCount == 800)
        }
        #expect(memory.bytes == 0)
        #expect(folder.bytes == 0)
    }

    private static func makeLoop() -> EventLoop {
        let loop = EventLoop(SimulatedNetwork(time: 1, seed: 1))
        loop.adoptThread()
        return loop
    }

    /// Appends and takes at random, compared with an array, under a bound that is reached at times.
    @Test(arguments: 1...20) func givesBackWhatItTook(_ seed: Int) {
        var numbers = SeededGenerator(state: UInt64(seed))
        let bytesMax = 3 << 20
        let loop = Self.makeLoop()
        let folder = SpoolFolder("/tmp", bytesMax: bytesMax, MemoryAccount()) { $0() }
        var reference: [UInt8] = []
        do {
            let spool = Spool(folder, loop)
            for _ in 0..<60 {
                if spool.byteCount == 0 || Bool.random(using: &numbers) {
                    let byteCount = Int.random(in: 1...700_000, using: &numbers)
                    let piece = [UInt8](
                        repeating: UInt8.random(in: 0...255, using: &numbers), count: byteCount)
                    nonisolated(unsafe) var isAppended = false
                    spool.append(ByteBuffer(bytes: piece)) { unsafe isAppended = $0 }
                    _ = loop.runIteration()
                    if unsafe isAppended { reference += piece }
                    #expect(unsafe isAppended || folder.bytes + byteCount > bytesMax)
                } else {
                    nonisolated(unsafe) var taken: [UInt8] = []
                    spool.takeFirst { unsafe taken = $0.map { Array($0.readableBytesView) } ?? [] }
                    _ = loop.runIteration()
                    #expect(unsafe !taken.isEmpty)
                    #expect(unsafe Array(reference.prefix(taken.count)) == taken)
                    unsafe reference.removeFirst(taken.count)
                }
                #expect(spool.byteCount == reference.count)
                #expect(folder.bytes >= reference.count && folder.bytes <= bytesMax)
            }
        }
        #expect(folder.bytes == 0)
    }
}
