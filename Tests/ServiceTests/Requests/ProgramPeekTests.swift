// The glance at an envelope's program: what it finds, and its bound.

import Testing

@testable import TransformService

struct ProgramPeekTests {
    @Test(
        arguments: [
            (#"{"program":".a","input":1}"#, ".a"), (" {\n\t\"program\" :\r\"\"", ""),
            (#"{"program":".a""#, ".a"), (#"{"program":".a"#, nil), (#"{"program":".\"a"}"#, nil),
            (#"{"input":1,"program":"."}"#, nil), (#"["program","."]"#, nil), ("", nil),
            ("{", nil), (#"{"program":1}"#, nil), (#"{"program"#, nil), (#"{"programs":".""#, nil),
        ] as [(String, String?)])
    func findsAProgramInFront(_ text: String, _ program: String?) {
        let bytes = Array(text.utf8)
        // Safety: the bytes are looked at while the closure runs.
        let range = unsafe bytes.withUnsafeBytes { unsafe ProgramPeek.find($0, bytesMax: 99) }
        #expect(range.map { String(decoding: bytes[$0], as: UTF8.self) } == program)
    }

    @Test func isBounded() {
        let bytes = Array(#"{"program":"abc"}"#.utf8)
        for bytesMax in 0...bytes.count {
            // Safety: the bytes are looked at while the closure runs.
            let range = unsafe bytes.withUnsafeBytes {
                unsafe ProgramPeek.find($0, bytesMax: bytesMax)
            }
            #expect((range == 12..<15) == (bytesMax >= 16))
        }
    }
}
