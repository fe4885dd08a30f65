// Folders -> the transforms in them and what is wrong with the others.

import Testing

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct TransformSetTests {
    private func load(_ files: [String: String]) -> TransformSet {
        let folder = TransformFolder(files)
        return TransformSet.load(folder.path)
    }

    @Test func findsTransformsAndLibraries() {
        let set = load([
            "a.jq": ".", "b/c.jq": "1", "b/d-e_f.2.jq": "2", "lib/x.jq": "def f: 3;",
            "g.jq": "import \"lib/x\" as x; x::f", "h.jq": "include \"lib/x\"; f",
            "data.json": "[1] {\"a\":2}", "i.jq": "import \"data\" as $d; $d",
            "b/j.jq": "import \"./x\" as x {search: \"../lib\"}; x::f", ".hidden.jq": "(((",
            ".git/k.jq": "(((", "notes.txt": "(((",
        ])
        #expect(set.faults == [])
        #expect(set.all.map(\.name) == ["a", "b/c", "b/d-e_f.2", "b/j", "g", "h", "i"])
        #expect(set.libraryCount == 1)
        #expect(set["g"]?.modules.keys.sorted() == ["lib/x.jq"])
        #expect(set["i"]?.modules.keys.sorted() == ["data.json"])
    }

    /// The digest of a single text is its SHA-256; any module's text counts.
    @Test func digestsCountTheModules() {
        let one = load(["a.jq": ".", "b.jq": "import \"m\" as m; m::f", "m.jq": "def f: 1;"])
        let two = load(["a.jq": ".", "b.jq": "import \"m\" as m; m::f", "m.jq": "def f: 2;"])
        #expect(one["a"]?.digest == SHA256.hex(Array(".".utf8)))
        #expect(one["a"]?.digest == two["a"]?.digest)
        #expect(one["b"]?.digest != two["b"]?.digest)
        #expect(one.digest != two.digest)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let files: [String: String]
        let faults: [String]

        var testDescription: String { faults.first ?? "" }
    }

    static let cases: [Case] = [
        Case(files: ["a.jq": ".a |\n  foo"], faults: ["a.jq:2:3: foo/0 is not defined"]),
        Case(
            files: ["a.jq": "$limit"],
            faults: [
                "a.jq:1:1: $limit is not defined; arguments are declared in the module's `args`"
            ]),
        Case(
            files: ["m.jq": "def f: 1;\ndef g: nope;", "a.jq": "import \"m\" as m; m::f"],
            faults: ["m.jq:2:8: nope/0 is not defined"]),
        Case(
            files: ["m.jq": "def f: (1;", "a.jq": "include \"m\"; f"],
            faults: [
                "m.jq:1:10: unexpected \";\", expected \")\""
            ]),
        Case(
            files: ["a.jq": "import \"b\" as b; 1", "b.jq": "1"],
            faults: ["b.jq:1:1: a module ends with its definitions"]),
        Case(
            files: [
                "a.jq": "import \"b\" as b; def f: 1;", "b.jq": "import \"a\" as a; def g: 1;",
            ],
            faults: [
                "a.jq:1:1: circular import of b.jq", "b.jq:1:1: circular import of a.jq",
            ]),
        Case(
            files: ["a.jq": "import \"x\" as x; 1"],
            faults: ["a.jq:1:1: module not found in the transforms folder: x.jq"]),
        Case(
            files: ["a.jq": "import \"../etc\" as x; 1"],
            faults: ["a.jq:1:1: module path must be relative and without ..: ../etc"]),
        Case(
            files: ["a.jq": "import \"/etc/x\" as x; 1"],
            faults: ["a.jq:1:1: module path must be relative and without ..: /etc/x"]),
        Case(
            files: ["b/a.jq": "import \"passwd\" as $x {search: \"../../../etc\"}; 1"],
            faults: ["b/a.jq:1:1: module not found in the transforms folder: passwd.json"]),
        Case(
            files: ["a.jq": "import \"d\" as $d; $d", "d.json": "{"],
            faults: [
                "a.jq:1:1: d.json is not JSON: the text ends in the middle of a value at byte 1"
            ]),
        Case(files: ["a.jq": ""], faults: ["a.jq: holds neither a program nor definitions"]),
        Case(
            files: ["a b.jq": "."],
            faults: [
                "a b.jq: the name is not of letters, digits, `-`, `_` and `.`, 255 bytes at most"
            ]),
        Case(
            files: ["a.jq": String(repeating: " ", count: 256 << 10) + "1"],
            faults: ["a.jq: has 262145 bytes; 262144 are allowed"]),
        Case(
            files: ["1/2/3/4/5/6/7/8/9/a.jq": ".", "1/2/3/4/5/6/7/8/b.jq": "."],
            faults: ["1/2/3/4/5/6/7/8/9: is more than 8 folders deep"]),
    ]

    @Test(arguments: cases)
    func namesTheLocationOfFaults(_ test: Case) {
        let set = load(test.files)
        #expect(set.faults.map(\.description) == test.faults)
    }

    @Test func aModulesFaultIsReportedOnce() {
        let set = load([
            "m.jq": "def f: x;", "a.jq": "import \"m\" as m; m::f",
            "b.jq": "import \"m\" as m; m::f", "c.jq": "1",
        ])
        #expect(set.faults.map(\.description) == ["m.jq:1:8: x/0 is not defined"])
        #expect(set.all.map(\.name) == ["c"])
    }

    @Test func followsLinksInsideOnly() {
        let outside = TransformFolder(["secret.jq": "1", "secret.json": "2"])
        let folder = TransformFolder(["a.jq": ".", "b/c.jq": "."])
        folder.link("inside.jq", to: "b/c.jq")
        folder.link("again", to: "b")
        folder.link("out.jq", to: outside.path + "/secret.jq")
        folder.link("outer", to: outside.path)
        folder.link("m.json", to: outside.path + "/secret.json")
        folder.link("loop", to: ".")
        folder.link("self.jq", to: "self.jq")
        folder.link("gone.jq", to: "nowhere.jq")
        folder.link("gone.txt", to: "nowhere.txt")
        folder.write("e.jq", "import \"m\" as $m; $m")
        let set = TransformSet.load(folder.path)
        #expect(set.all.map(\.name) == ["a", "again/c", "b/c", "inside"])
        #expect(
            set.faults.map(\.description).sorted() == [
                "e.jq:1:1: module not found in the transforms folder: m.json",
                "gone.jq: can't be followed: No such file or directory",
                "loop: leads back to a folder around it",
                "m.json: leads out of the folder",
                "out.jq: leads out of the folder", "outer: leads out of the folder",
                "self.jq: can't be followed: Too many levels of symbolic links",
            ])
    }

    @Test func readsConfigMaps() {
        let folder = TransformFolder([
            "..v1/a.jq": "import \"lib\" as l; l::f", "..v1/lib.jq": "def f: 1;",
        ])
        folder.mount(["a.jq", "lib.jq"], version: "..v1")
        let set = TransformSet.load(folder.path)
        #expect(set.faults == [])
        #expect(set.all.map(\.name) == ["a"])
    }

    @Test func needsAFolder() {
        let missing = TransformSet.load("/nonexistent")
        #expect(
            missing.faults.map(\.description) == [
                "the transforms folder: No such file or directory"
            ])
        let file = TransformSet.load("/etc/passwd")
        #expect(file.faults.map(\.description) == ["the transforms folder: is not a folder"])
    }

    static let metadata: [(text: String, fault: String)] = [
        ("module {args: 5};", "1:15: `args` is an object of names and defaults, {limit: 10}"),
        ("module {args: {\"a b\": 5}};", "1:16: `a b` is no name of a variable"),
        ("module {args: {outputs: 5}};", "1:16: an argument can't be named `outputs`"),
        ("module {args: {a: 5, a: 6}};", "1:22: the argument `a` is repeated"),
        ("module {timeout_ms: 0};", "1:21: `timeout_ms` is a whole number from 1 to 86400000"),
        ("module {timeout_ms: 1.5};", "1:21: `timeout_ms` is a whole number from 1 to 86400000"),
        (
            "module {\n memory_mib: \"5\"};",
            "2:14: `memory_mib` is a whole number from 1 to 1048576"
        ),
        (
            "module {outputs: \"two\"};",
            "1:18: `outputs` is one of one, array, lines, text, csv, tsv"
        ),
        ("module {description: 1};", "1:22: `description` is a string of at most 1000 bytes"),
        ("module {outputs: \"one\", outputs: \"one\"};", "1:25: `outputs` is repeated"),
        ("module {args: {a: .}};", "1:8: Module metadata must be constant"),
        ("module [];", "1:8: Module metadata must be an object"),
    ]

    @Test(arguments: metadata)
    func refusesBadMetadata(_ text: String, _ fault: String) {
        let set = load(["a.jq": text + " ."])
        #expect(set.faults.map(\.description) == ["a.jq:" + fault])
    }

    @Test func refusesUnknownMetadata() {
        let set = load(["a.jq": "module {timeout: 5}; ."])
        #expect(set.faults.count == 1)
        #expect(set.faults[0].description.hasPrefix("a.jq:1:9: unknown metadata `timeout`; known"))
    }

    @Test func readsMetadata() throws {
        let set = load([
            "a.jq": """
            # A comment before it.
            module {description: "d",
              args: {limit: 10, by: "a", list: [1, {"x": null}], off: false},
              timeout_ms: 500, memory_mib: 3, outputs: "array", version: "1"};
            $limit
            """
        ])
        #expect(set.faults == [])
        let metadata = try #require(set["a"]).metadata
        #expect(metadata.description == "d")
        #expect(metadata.timeoutNanoseconds == 500_000_000)
        #expect(metadata.memoryBytesMax == 3 << 20)
        #expect(metadata.outputs == OutputChoice(form: .array, media: .json))
        let arguments = NamedTransform.object(try #require(metadata.arguments))
        #expect(
            String(decoding: arguments, as: UTF8.self)
                == #"{"limit":10,"by":"a","list":[1,{"x":null}],"off":false}"#)
    }

    /// Known digests, among them the examples of FIPS 180-4.
    @Test func digests() {
        #expect(
            SHA256.hex([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            SHA256.hex(Array("abc".utf8))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            SHA256.hex(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        #expect(
            SHA256.hex([UInt8](repeating: 0x61, count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test(arguments: [0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128])
    func digestsLikeTheSystem(_ count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let shown = Command.run(["sha256sum"], input: bytes).output
        #expect(shown.hasPrefix(SHA256.hex(bytes) + " "))
    }
}
