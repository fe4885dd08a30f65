// A program's text and the names of its arguments -> the compiled program, which is this thread's
// most recent one, the cache's or a new one; or the problem to answer.

import HTTPKit
import Transforms

/// Finds and compiles the programs of one executor. It belongs to the executor's thread.
final class ProgramResolver {
    /// A program that a query named. It saves a look-up in the cache for each request, and the
    /// count of a reference: all threads share both, and would contend on their cache lines.
    /// `TransformHead` is no place to keep it: each connection has its own, whose requests may be
    /// further apart than `until` allows, and workers read it too.
    final class Recent: Sendable {
        let query: TransformQuery
        let hash: Int
        let program: Program
        /// Whether it has no arguments.
        let isBare: Bool
        /// When to look it up again; without that it would seem unused in the cache.
        let until: UInt64

        init(query: TransformQuery, hash: Int, program: Program, isBare: Bool, until: UInt64) {
            self.query = query
            self.hash = hash
            self.program = program
            self.isBare = isBare
            self.until = until
        }
    }

    private static var recentNanoseconds: UInt64 { 1_000_000 }

    private let cache: ProgramCache
    private let hits: HitCounter
    /// Whether programs that are not in the cache are compiled; not on an event loop.
    private let compiles: Bool
    private let servesInlinePrograms: Bool
    /// Bound on program text; longer ones are refused.
    private let textBytesMax: Int
    /// Used for queries with the same text and names of arguments until its time has passed: a
    /// compiled program never becomes wrong.
    private var recent: Recent?

    init(cache: ProgramCache, compiles: Bool, servesInlinePrograms: Bool, textBytesMax: Int) {
        self.cache = cache
        hits = cache.makeCounter()
        self.compiles = compiles
        self.servesInlinePrograms = servesInlinePrograms
        self.textBytesMax = textBytesMax
    }

    /// Looks up the program of the query: then the content is its input, of which only the parts
    /// are read that the program uses.
    /// - Returns: nil if it is not compiled.
    func findRecent(_ request: borrowing TransformRequest, now: UInt64) -> Recent? {
        let query = request.query
        if query.programBytes.isEmpty { return nil }
        if let recent, now < recent.until, recent.query.hasProgram(of: query) { return recent }
        // Safety: the bytes stay while the closure runs.
        recent = unsafe query.programBytes.withUnsafeBytes { text in
            let names = unsafe ArgumentsObject.names(query.arguments.map(\.name), in: text)
            let hash =
                unsafe names.isEmpty ? query.programKey : ProgramKey.of(text, names)
            return unsafe cache.find(hash, text, names).map {
                Recent(
                    query: query, hash: hash, program: $0, isBare: names.isEmpty,
                    until: now &+ Self.recentNanoseconds)
            }
        }
        return recent
    }

    /// Checks that a recent program may be run, and counts its use.
    func use(_ recent: Recent) throws(Problem) {
        try check(byteCount: recent.query.programBytes.count)
        hits.add()
    }

    /// The compiled program; nil if it is not compiled yet and must not be compiled here.
    /// - Parameters:
    ///   - hash: `ProgramKey` of the text and names.
    ///   - recent: the program that the request's head names, if it is compiled.
    ///   - compileNanoseconds: the time of compiling; unchanged if there was none.
    func program(
        _ text: UnsafeRawBufferPointer, _ hash: Int, _ names: [String], _ recent: Recent?,
        _ compileNanoseconds: inout UInt64
    ) throws(Problem) -> Program? {
        let known = recent?.hash == hash ? recent?.program : nil
        if let program = unsafe known ?? cache.find(hash, text, names) {
            hits.add()
            return program
        }
        guard compiles else { return nil }
        cache.noteMiss()
        let bytes = unsafe Array(text)
        let start = MonotonicClock.nanoseconds()
        defer { compileNanoseconds = MonotonicClock.nanoseconds() &- start }
        do throws(CompileError) {
            let program = try Program.compile(bytes, argumentNames: names)
            cache.insert(hash, bytes, program)
            return program
        } catch {
            throw Self.problem(error, bytes)
        }
    }

    /// Checks that a request's own program is allowed, and not too long.
    func check(byteCount: Int) throws(Problem) {
        guard servesInlinePrograms else {
            throw Problem(
                .inlineProgramRefused,
                "This service runs loaded transforms only; GET /transforms lists them.")
        }
        guard byteCount <= textBytesMax else {
            throw Problem(
                .programTooLong,
                "The program has \(byteCount) bytes; \(textBytesMax) are allowed.")
        }
    }

    private static func problem(_ error: CompileError, _ text: [UInt8]) -> Problem {
        let location = Problem.Location(offset: error.offset, in: text)
        return Problem(
            .compileError, "\(error.message) at line \(location.line), column \(location.column)",
            location: location)
    }
}
