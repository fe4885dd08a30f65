// `Bytes.equals(_:ignoringCase:)`, which compares whole words of memory, against `lowercased()`.

import Testing

@testable import HTTPKit

struct BytesTests {
    @Test(
        arguments: [
            "host", "accept", "connection", "content-type", "transfer-encoding", "a", "ab", "abc",
            "application/json", "*/*", "100-continue", "x-request-timeout-ms",
        ] as [StaticString])
    func namesAreComparedWithoutCase(_ name: StaticString) {
        let text = Array("\(name)".utf8)
        for index in text.indices {
            for byte in UInt8.min...UInt8.max {
                var other = text
                other[index] = byte
                let isSame =
                    String(decoding: [byte], as: UTF8.self).lowercased()
                    == String(decoding: [text[index]], as: UTF8.self) && byte < 0x80
                let padded = [0x20] + other + [0x20]
                let found = withBytes(padded) {
                    $0.equals(1..<padded.count - 1, ignoringCase: name)
                }
                #expect(found == isSame, "\(name): \(byte) at \(index)")
            }
        }
        let isLonger = withBytes(text + [0x61]) {
            $0.equals(0..<text.count + 1, ignoringCase: name)
        }
        #expect(!isLonger)
    }
}
