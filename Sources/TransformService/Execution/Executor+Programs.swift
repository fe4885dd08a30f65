// Program text -> the compiled program: the most recent one, the cache's, or a new one; and whether
// this thread should run it.

import HTTPKit
import Synchronization
import Transforms

extension Executor {
    /// A program that a query named. It saves a look-up in the cache for each request, and the
    /// count of a reference: all threads share both, and would contend on their cache lines.
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

    /// The compiled program; nil if it is not compiled yet and must not be compiled here.
    /// - Parameters:
    ///   - hash: `ProgramKey` of the text and names.
    ///   - recent: the program that the request's head names, if it is compiled.
    func program(
        _ text: UnsafeRawBufferPointer, _ hash: Int, _ names: [String], _ recent: Recent? = nil
    ) throws(Problem) -> Program? {
        let known = recent?.hash == hash ? recent?.program : nil
        if let program = unsafe known ?? cache.find(hash, text, names) {
            hits.add()
            noteProgram(program)
            return program
        }
        if isTentative { return nil }
        cache.noteMiss()
        let bytes = unsafe Array(text)
        let start = MonotonicClock.nanoseconds()
        defer { timing.compile = MonotonicClock.nanoseconds() &- start }
        do throws(CompileError) {
            let program = try Program.compile(bytes, argumentNames: names)
            cache.insert(hash, bytes, program)
            noteProgram(program)
            return program
        } catch {
            throw compileProblem(error, bytes)
        }
    }

    func noteProgram(_ program: Program) {
        digest = program.digest
        slot.note(digest: digest)
        note?.digest.store(digest, ordering: .relaxed)
    }

    /// Whether this thread should run the program, judging by its learned cost.
    func mayRun(_ key: Int) -> Bool {
        guard isTentative, let costs else { return true }
        let recent = recentCost
        if recent.key == key, recent.byteCount == contentByteCount,
            startNanoseconds < recent.until
        {
            return recent.nanoseconds <= costNanosecondsMax
        }
        guard let known = costs.known(key, byteCount: contentByteCount) else {
            return triesUnknown
        }
        recentCost = (key, contentByteCount, known, startNanoseconds &+ Self.recentNanoseconds)
        return known <= costNanosecondsMax
    }

    /// Makes the next run look up the program's cost anew.
    func forgetCost() { recentCost.until = 0 }
}
