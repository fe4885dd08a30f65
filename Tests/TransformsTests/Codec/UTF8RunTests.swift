// Runs of sequences of three bytes, which are checked several at a time, with others among them.

import Testing

@testable import Transforms

@Suite struct UTF8RunTests {
    private func firstInvalid(_ bytes: [UInt8]) -> Int? {
        unsafe bytes.withUnsafeBufferPointer {
            unsafe UTF8Text.firstInvalid($0.baseAddress!, bytes.count)
        }
    }

    /// Each sequence at each position in a run: valid where the standard library says so, otherwise
    /// invalid at its own offset.
    @Test func sequencesAmongTriples() {
        let leads: [UInt8] = [
            0x41, 0x80, 0xBF, 0xC3, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF8,
        ]
        let others: [UInt8] = [0x22, 0x7F, 0x80, 0x8F, 0x9F, 0xA0, 0xBF, 0xC0, 0xE3]
        var wrong: [[UInt8]] = []
        for before in 0...12 {
            for first in leads {
                for second in others {
                    for third in [0x41, 0x80, 0xBF, 0xED] as [UInt8] {
                        let run = [UInt8]("前".utf8)
                        let start = (0..<before).flatMap { _ in run }
                        let end = (0..<7).flatMap { _ in run }
                        let bytes = start + [first, second, third] + end
                        let isValid = String(validating: bytes, as: UTF8.self) != nil
                        let found = firstInvalid(bytes)
                        let isRight =
                            isValid
                            ? found == nil
                            : found.map { (start.count..<start.count + 3).contains($0) } == true
                        if !isRight { wrong.append(bytes) }
                    }
                }
            }
        }
        #expect(wrong.isEmpty)
    }
}
