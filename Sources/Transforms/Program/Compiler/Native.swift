// The builtins that are written in Swift and take values: their names, and what the compiler must
// know about them. Those that take filters are operations of their own (Compiler+Calls.swift);
// those that gain nothing from Swift are in the prelude (Prelude.swift).

enum Native: UInt16, CaseIterable {
    // Any value
    case length, utf8bytelength, not, keys, keysUnsorted, type, tostring, tonumber, toboolean,
        tojson
    case fromjson, toarray, has, contains, add, inputLineNumber, input, debug, stderr, halt
    case haltError, env, builtins, inputFilename, getSearchList, haveDecnum, haveLiteralNumbers
    case modulemeta
    // Outputs its input or nothing
    case values, nulls, booleans, numbers, strings, arrays, objects, iterables, scalars
    case finites, normals
    // Arrays and objects
    case flatten, flattenDepth, sort, unique, min, max, reverse, transpose, toEntries, fromEntries
    case setpath, delpaths, stringIndices, bsearch
    // Strings
    case startswith, endswith, ltrimstr, rtrimstr, trimstr, trim, ltrim, rtrim, explode, implode
    case split, join, asciiDowncase, asciiUpcase
    // Formats
    case formatText, formatJSON, formatCSV, formatTSV, formatHTML, formatURI, formatURID,
        formatShell
    case formatBase64, formatBase64d, formatBase32, formatBase32d
    // Numbers
    case infinite, nan, isinfinite, isfinite, isnan, isnormal, abs
    case math1, math2, math3, frexp, modf, lgammaR
    // Dates
    case now, mktime, gmtime, localtime, strftime, strflocaltime, strptime
    // Regular expressions
    case matchList, testRegex, splitRegex, namedCaptures

    /// Whether its arguments are evaluated from the first to the last.
    var firstIsOuter: Bool { self == .splitRegex }

    /// `values`, `nulls`, ...: outputs its input or nothing.
    var isTypeFilter: Bool { (Native.values.rawValue...Native.normals.rawValue).contains(rawValue) }

    /// Outputs neither arrays nor objects.
    var isLeafFilter: Bool {
        switch self {
        case .nulls, .booleans, .numbers, .strings, .scalars, .finites, .normals: true
        default: false
        }
    }

    static let formats: NameTable<Native> = [
        "text": .formatText, "json": .formatJSON, "csv": .formatCSV, "tsv": .formatTSV,
        "html": .formatHTML, "uri": .formatURI, "urid": .formatURID, "sh": .formatShell,
        "base64": .formatBase64, "base64d": .formatBase64d, "base32": .formatBase32,
        "base32d": .formatBase32d,
    ]

    /// By name and number of arguments.
    static let table: NameTable<Native> = [
        "length/0": .length, "utf8bytelength/0": .utf8bytelength, "not/0": .not, "keys/0": .keys,
        "keys_unsorted/0": .keysUnsorted, "type/0": .type, "tostring/0": .tostring,
        "tonumber/0": .tonumber, "toboolean/0": .toboolean, "tojson/0": .tojson,
        "fromjson/0": .fromjson, "toarray/0": .toarray, "has/1": .has, "contains/1": .contains,
        "add/0": .add, "input_line_number/0": .inputLineNumber,
        "input/0": .input, "debug/0": .debug, "stderr/0": .stderr, "halt/0": .halt,
        "halt_error/1": .haltError, "env/0": .env, "builtins/0": .builtins,
        "input_filename/0": .inputFilename, "get_search_list/0": .getSearchList,
        "have_decnum/0": .haveDecnum, "have_literal_numbers/0": .haveLiteralNumbers,
        "modulemeta/0": .modulemeta,
        "values/0": .values, "nulls/0": .nulls, "booleans/0": .booleans, "numbers/0": .numbers,
        "strings/0": .strings, "arrays/0": .arrays, "objects/0": .objects,
        "iterables/0": .iterables, "scalars/0": .scalars, "finites/0": .finites,
        "normals/0": .normals,
        "flatten/0": .flatten, "flatten/1": .flattenDepth, "sort/0": .sort, "unique/0": .unique,
        "min/0": .min, "max/0": .max, "reverse/0": .reverse, "transpose/0": .transpose,
        "to_entries/0": .toEntries, "from_entries/0": .fromEntries, "setpath/2": .setpath,
        "delpaths/1": .delpaths, "_strindices/1": .stringIndices,
        "bsearch/1": .bsearch,
        "startswith/1": .startswith, "endswith/1": .endswith, "ltrimstr/1": .ltrimstr,
        "rtrimstr/1": .rtrimstr, "trimstr/1": .trimstr, "trim/0": .trim, "ltrim/0": .ltrim,
        "rtrim/0": .rtrim, "explode/0": .explode, "implode/0": .implode, "split/1": .split,
        "join/1": .join, "ascii_downcase/0": .asciiDowncase, "ascii_upcase/0": .asciiUpcase,
        "infinite/0": .infinite, "nan/0": .nan, "isinfinite/0": .isinfinite,
        "isnan/0": .isnan, "isfinite/0": .isfinite, "isnormal/0": .isnormal, "abs/0": .abs,
        "frexp/0": .frexp, "modf/0": .modf, "lgamma_r/0": .lgammaR,
        "now/0": .now, "mktime/0": .mktime, "gmtime/0": .gmtime, "localtime/0": .localtime,
        "strftime/1": .strftime, "strflocaltime/1": .strflocaltime, "strptime/1": .strptime,
        "_match/2": .matchList, "_test/2": .testRegex, "split/2": .splitRegex,
        "_capture/0": .namedCaptures,
    ]
}

/// The functions of C's math library that take numbers and return one.
enum MathFunction: UInt8 {
    case floor, ceil, round, sqrt, exp, log, exp2, exp10, log2, log10, log1p, expm1, cbrt
    case erf, erfc, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh
    case fabs, trunc, rint, nearbyint, significand, logb, gamma, lgamma, tgamma, j0, j1, y0, y1,
        pow10
    case pow, atan2, fmod, fmin, fmax, fdim, copysign, drem, remainder, ldexp, scalb, scalbln,
        nextafter
    case nexttoward, hypot, jn, yn
    case fma

    var parameterCount: Int {
        switch self {
        case .fma: 3
        case .pow, .atan2, .fmod, .fmin, .fmax, .fdim, .copysign, .drem, .remainder, .ldexp, .scalb,
            .scalbln,
            .nextafter, .nexttoward, .hypot, .jn, .yn:
            2
        default: 1
        }
    }

    /// Functions of one number take it as their input, the others take all numbers as arguments.
    /// The names are written out, because reflection would cost half a millisecond at the start.
    static let table: NameTable<MathFunction> = [
        "floor/0": .floor, "ceil/0": .ceil, "round/0": .round, "sqrt/0": .sqrt, "exp/0": .exp,
        "log/0": .log, "exp2/0": .exp2, "exp10/0": .exp10, "log2/0": .log2, "log10/0": .log10,
        "log1p/0": .log1p, "expm1/0": .expm1, "cbrt/0": .cbrt, "erf/0": .erf, "erfc/0": .erfc,
        "sin/0": .sin, "cos/0": .cos, "tan/0": .tan, "asin/0": .asin, "acos/0": .acos,
        "atan/0": .atan, "sinh/0": .sinh, "cosh/0": .cosh, "tanh/0": .tanh, "asinh/0": .asinh,
        "acosh/0": .acosh, "atanh/0": .atanh, "fabs/0": .fabs, "trunc/0": .trunc, "rint/0": .rint,
        "nearbyint/0": .nearbyint, "significand/0": .significand, "logb/0": .logb,
        "gamma/0": .gamma, "lgamma/0": .lgamma, "tgamma/0": .tgamma, "j0/0": .j0, "j1/0": .j1,
        "y0/0": .y0, "y1/0": .y1, "pow10/0": .pow10, "pow/2": .pow, "atan2/2": .atan2,
        "fmod/2": .fmod, "fmin/2": .fmin, "fmax/2": .fmax, "fdim/2": .fdim, "copysign/2": .copysign,
        "drem/2": .drem, "remainder/2": .remainder, "ldexp/2": .ldexp, "scalb/2": .scalb,
        "scalbln/2": .scalbln, "nextafter/2": .nextafter, "nexttoward/2": .nexttoward,
        "hypot/2": .hypot, "jn/2": .jn, "yn/2": .yn, "fma/3": .fma,
    ]
}
