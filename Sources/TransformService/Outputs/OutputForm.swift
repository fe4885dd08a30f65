// What a program's outputs become: a form, and the media type that says so.
//
//     one      {"a":1}             application/json
//     array    [{"a":1},{"a":2}]   application/json
//     lines    {"a":1}\n{"a":2}\n  application/x-ndjson, application/jsonl
//     text     a,b\n1,2\n          text/csv, text/tab-separated-values, text/plain

/// How a program's outputs become an answer.
enum OutputForm: Sendable, Equatable {
    /// Exactly one output, which is the content.
    case one
    /// All, in an array.
    case array
    /// All, one a line.
    case lines
    /// All, which are strings, as they are, one a line.
    case text

    init?(name: String) {
        switch name {
        case "one": self = .one
        case "array": self = .array
        default: return nil
        }
    }
}

/// The media types of answers.
enum OutputMedia: Int, Sendable, Equatable, CaseIterable {
    case lines, linesText, json, plain, csv, tsv

    /// Type and subtype.
    var essence: String {
        switch self {
        case .lines: "application/x-ndjson"
        case .linesText: "application/jsonl"
        case .json: "application/json"
        case .plain: "text/plain"
        case .csv: "text/csv"
        case .tsv: "text/tab-separated-values"
        }
    }

    /// Of strings as they are.
    var isText: Bool {
        switch self {
        case .lines, .linesText, .json: false
        case .plain, .csv, .tsv: true
        }
    }

    /// The field's value.
    var contentType: StaticString {
        switch self {
        case .lines: "application/x-ndjson"
        case .linesText: "application/jsonl"
        case .json: "application/json"
        case .plain: "text/plain; charset=utf-8"
        case .csv: "text/csv; charset=utf-8"
        case .tsv: "text/tab-separated-values; charset=utf-8"
        }
    }
}

/// A form with its media type.
struct OutputChoice: Sendable, Equatable {
    var form: OutputForm
    var media: OutputMedia

    static var one: OutputChoice { OutputChoice(form: .one, media: .json) }

    init(form: OutputForm, media: OutputMedia) {
        self.form = form
        self.media = media
    }

    /// What a transform's metadata may say.
    init?(name: String) {
        switch name {
        case "one": self.init(form: .one, media: .json)
        case "array": self.init(form: .array, media: .json)
        case "lines": self.init(form: .lines, media: .lines)
        case "text": self.init(form: .text, media: .plain)
        case "csv": self.init(form: .text, media: .csv)
        case "tsv": self.init(form: .text, media: .tsv)
        default: return nil
        }
    }

    static let names = ["one", "array", "lines", "text", "csv", "tsv"]

    /// The name of it in metadata.
    var name: String { Self.names.first { OutputChoice(name: $0) == self } ?? "one" }

    /// - Parameters:
    ///   - asked: what the request's `outputs` says.
    ///   - usual: what the transform does when nobody asks.
    init(_ acceptance: Acceptance, asked: OutputForm?, usual: OutputChoice) {
        media = acceptance.choice(usual: asked == nil ? usual.media : .json)
        switch media {
        case .lines, .linesText: form = .lines
        case .plain, .csv, .tsv: form = .text
        case .json: form = asked ?? (usual.form == .one ? .one : .array)
        }
    }

    /// What a batch is answered with: the media type is that of the whole answer, the form what
    /// becomes of each input. By itself an input may have any number of outputs.
    /// - Parameter isArray: the inputs are an array's elements; else the answer is lines, also for
    ///   who wants JSON.
    init(
        batch acceptance: Acceptance, asked: OutputForm?, usual: OutputChoice, isArray: Bool
    ) {
        var media = acceptance.choice(
            usual: asked == nil && usual.media != .json
                ? usual.media : isArray ? .json : .lines)
        if !isArray, media == .json { media = .lines }
        self.media = media
        form = media.isText ? .text : asked ?? (usual.form == .array ? .array : .lines)
    }
}
