// Copying a text against its slow twin: reading its values and writing them.

import Testing

@testable import Transforms

@Suite struct TranscoderTests {
    private enum Outcome: Equatable {
        case text(String, end: Int)
        case needsValues
        case failed(ReadFailure)
    }

    private func copied(_ text: [UInt8]) -> Outcome {
        let runner = Runner()
        runner.begin()
        var transcoder = JSONTranscoder(heap: runner.heap, budget: runner.budget, depthMax: 100)
        var out = OutputBuffer(bytesMax: 1 << 20)
        return unsafe text.withUnsafeBytes { raw in
            do throws(ReadFailure) {
                let result = unsafe try transcoder.copy(Runner.bytes(raw), from: 0, to: &out)
                if case .copied(_, let end) = result { return .text(out.text, end: end) }
                return .needsValues
            } catch { return .failed(error) }
        }
    }

    private func written(_ text: [UInt8]) -> Outcome {
        let runner = Runner()
        runner.begin()
        var reader = JSONReader(
            heap: runner.heap, budget: runner.budget, depthMax: 100, counts: false)
        var out = OutputBuffer(bytesMax: 1 << 20)
        return unsafe text.withUnsafeBytes { raw in
            do throws(ReadFailure) {
                unsafe reader.begin(Runner.bytes(raw))
                let value = try reader.readValue()
                try? runner.write(Document(value: value), to: &out)
                return .text(out.text, end: reader.offset)
            } catch { return .failed(error) }
        }
    }

    static let texts = [
        "null", " [1, 2.50, -0, 1e2, 123456789012345678901234567890] ",
        "{\"a\" : {\"b\":[]}, \"c\":{}}",
        "\"\\u00e9\\n\\ud83d\\ude00\\/\u{7F}é\"", "[[[[]]],{\"k\":[{}]}]",
        "{\"a\":1,\"b\":2,\"ab\":3,\"ba\":4}",
        "[true,false,null,\"x\"]x", "{\"\":0,\"\\u0000\":1}",
    ]

    @Test(arguments: texts) func agrees(_ text: String) {
        #expect(copied(Array(text.utf8)) == written(Array(text.utf8)))
    }

    /// Damaged and cut at every byte: the same text, or the same error at the same offset.
    @Test(arguments: texts) func agreesOnDamage(_ text: String) {
        let bytes = Array(text.utf8)
        for i in 0..<bytes.count {
            var twins = [Array(bytes[..<i])]
            for byte in [0x00, 0x22, 0x2C, 0x5B, 0x5D, 0x7B, 0x7D, 0x31, 0x80] as [UInt8] {
                var damaged = bytes
                damaged[i] = byte
                twins.append(damaged)
            }
            for twin in twins {
                let result = copied(twin)
                if result != .needsValues { #expect(result == written(twin), "\(twin)") }
            }
        }
    }

    @Test func repeatedNamesNeedValues() {
        #expect(copied(Array("{\"a\":1,\"a\":2}".utf8)) == .needsValues)
        #expect(copied(Array("[{\"x\":{\"a\":1,\"\\u0061\":2}}]".utf8)) == .needsValues)
        let many = (0..<65).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect(copied(Array("{\(many)}".utf8)) == .needsValues)
    }

    @Test func depth() {
        for depth in [99, 100, 101] {
            let text = Array(
                (String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
            #expect(copied(text) == written(text))
        }
    }
}
