// gunicorn's request corpus (../shared/suites/http, or SHARED_DIR) -> our verdicts. Where ours
// differs from gunicorn's, the table below says why. Without the corpus the tests are skipped.

import Foundation
import TestSupport
import Testing

@testable import HTTPKit

/// Valid for gunicorn, refused by us only because the Host is missing: with one they are accepted.
private let hostless = [
    "004", "006", "007", "010", "011", "012", "013", "014", "018", "021", "022", "023", "031",
    "031compat", "031compat2", "100",
]

/// Where our verdict is not gunicorn's for another reason: file -> why.
private let otherDifferences = [
    "valid/005": "a fragment in the target is refused: it would be dropped silently",
    "valid/009": "a fragment in the target; identity is no transfer coding any more (RFC 9112 7)",
    "valid/025": "gzip as a transfer coding is answered 501",
    "valid/025_line": "gzip as a transfer coding is answered 501",
    "valid/027": "raw bytes above 0x7E in a target are refused: no URI has them (RFC 3986)",
    "valid/028": "white space before the colon is refused (RFC 9112 5.1)",
    "valid/029": "identity is no transfer coding any more",
    "valid/030": "identity is no transfer coding any more",
    "valid/099": "its Content-Length is longer than the file: more is waited for",
    "valid/compat_obs_fold": "folded lines are refused (RFC 9112 5.2)",
    "valid/compat_obs_fold_huge": "folded lines are refused (RFC 9112 5.2)",
    "valid/pp_01": "the PROXY protocol is not HTTP",
    "valid/pp_02": "the PROXY protocol is not HTTP",
    "valid/pp_04": "the PROXY protocol is not HTTP",
    "valid/pp_05": "the PROXY protocol is not HTTP",
    "valid/rfc9112_smuggle_gzip_chunked_01": "gzip as a transfer coding is answered 501",
    "valid/rfc9112_smuggle_te_identity_chunked_01": "identity is no transfer coding any more",
    "valid/rfc9112_target_absolute_userinfo_01": "user information is refused (RFC 9110 4.2.4)",
    "valid/rfc9112_target_authority_connect_01": "we are no proxy: CONNECT is answered 501",
    "valid/rfc9112_target_authority_ipv6_01": "we are no proxy: CONNECT is answered 501",
    "invalid/006": "gunicorn's target limit is lower",
    "invalid/007": "gunicorn's field limit is lower",
    "invalid/008": "gunicorn's field limit is lower",
    "invalid/009": "gunicorn's count limit is lower (100)",
    "invalid/011": "gunicorn's case sets a limit of its own",
    "invalid/012": "gunicorn's case sets a limit of its own",
    "invalid/040": "underscores in names are tokens; nothing here maps names to CGI variables",
    "invalid/041": "a repeated Content-Type frames nothing; the first one counts",
    "invalid/limit_header_default_01": "gunicorn's field limit is lower",
    "invalid/rfc9110_trailer_forbidden_cl_01": "trailer fields are dropped, whatever their names",
    "invalid/rfc9110_trailer_forbidden_te_01": "trailer fields are dropped, whatever their names",
    "invalid/rfc9110_trailer_forbidden_host_01": "trailer fields are dropped, whatever their names",
]

private let differences = Set(
    hostless.map { "valid/\($0).http" } + otherDifferences.keys.map { "\($0).http" })

private struct CorpusFile: Sendable, CustomStringConvertible {
    let name: String
    let isValid: Bool
    let bytes: [UInt8]
    var description: String { name }
}

private let corpus: [CorpusFile] = {
    var files: [CorpusFile] = []
    for folder in ["valid", "invalid"] {
        let path = SharedFiles.folder + "/suites/http/" + folder
        for name in SharedFiles.files(under: path, ending: ".http") {
            files.append(
                CorpusFile(
                    name: "\(folder)/\(name)", isValid: folder == "valid",
                    bytes: decodeNotation(SharedFiles.read(path + "/" + name) ?? [])))
        }
    }
    return files
}()

/// Line ends are not part of a request; `\r \n \t \0 \xHH` stand for bytes.
private func decodeNotation(_ text: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    var index = 0
    while index < text.count {
        let byte = text[index]
        index += 1
        if byte == 0x0A { continue }
        guard byte == 0x5C, index < text.count else {
            output.append(byte)
            continue
        }
        let escape = text[index]
        index += 1
        switch escape {
        case UInt8(ascii: "r"): output.append(0x0D)
        case UInt8(ascii: "n"): output.append(0x0A)
        case UInt8(ascii: "t"): output.append(0x09)
        case UInt8(ascii: "0"): output.append(0x00)
        case UInt8(ascii: "x"):
            let digits = String(decoding: text[index..<min(index + 2, text.count)], as: UTF8.self)
            output.append(UInt8(digits, radix: 16) ?? 0x3F)
            index += 2
        default: output += [byte, escape]
        }
    }
    return output
}

@Suite struct GunicornCorpusTests {
    @Test(.enabled(if: !corpus.isEmpty, "gunicorn's corpus is not beside the checkout"))
    func corpusIsWhole() {
        #expect(corpus.count > 100)
        for name in differences { #expect(corpus.contains { $0.name == name }, "\(name)") }
    }

    @Test(arguments: corpus)
    fileprivate func verdict(_ file: CorpusFile) {
        let result = outcomes(file.bytes)
        let isAccepted = !result.contains { $0.isRefused } && result != [.unfinished]
        let isExpected = file.isValid != differences.contains(file.name)
        #expect(isAccepted == isExpected, "\(file.name): \(result)")
    }

    @Test(arguments: hostless)
    fileprivate func withAHostTheyAreAccepted(_ name: String) throws {
        guard let file = corpus.first(where: { $0.name == "valid/\(name).http" }) else { return }
        let text = String(decoding: file.bytes, as: UTF8.self)
            .replacingOccurrences(of: "HTTP/1.1\r\n", with: "HTTP/1.1\r\nHost: a\r\n")
        let result = outcomes(text)
        #expect(!result.isEmpty && !result.contains { $0.isRefused }, "\(result)")
    }

    /// Short requests are cut at every byte, long ones at random; all also come byte by byte, and
    /// in random pieces.
    @Test(arguments: corpus)
    fileprivate func splitsChangeNothing(_ file: CorpusFile) {
        let whole = outcomes(file.bytes)
        var random = SeededGenerator(state: 20)
        let all = Array(0...file.bytes.count)
        let some = (0..<60).map { _ in all.randomElement(using: &random)! }
        let cuts = all.count <= 1_000 ? all : some
        for cut in cuts { #expect(outcomes(file.bytes, cuts: [cut]) == whole) }
        if file.bytes.count > 1 {
            #expect(outcomes(file.bytes, cuts: Array(1..<file.bytes.count)) == whole)
        }
        for _ in 0..<20 {
            let count = Int.random(in: 0...8, using: &random)
            let some = (0..<count).map { _ in all.randomElement(using: &random)! }.sorted()
            #expect(outcomes(file.bytes, cuts: some) == whole)
        }
    }
}
