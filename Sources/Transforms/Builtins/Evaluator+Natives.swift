// The builtins that take values: arguments are evaluated, then the function for the name is run.
//
// Safety: pointers lead to values' bytes, with their counts, or to the runner's state.

extension Evaluator {
    /// A native's output; the input is owned.
    @inline(never) func native(_ node: NodeRef, _ frame: Slots, _ input: Value) throws(Stop)
        -> Value
    {
        let native = node.native
        unsafe state.pointee.errorOffset = node.offset
        if node.partCount == 0 { return try native0(native, node, input) }
        let arguments: (Value, Value, Value)
        do throws(Stop) { arguments = try self.arguments(node, frame, input) } catch {
            release(input)
            throw error
        }
        if native == .setpath {
            defer { release(arguments.0) }
            do throws(Stop) { try checkPath(arguments.0, node) } catch {
                releaseBoth(input, arguments.1)
                throw error
            }
            return try setPath(input, arguments.0, arguments.1)
        }
        if native == .delpaths {
            defer { release(arguments.0) }
            return try deletePaths(input, arguments.0)
        }
        defer {
            release(input)
            release(arguments.0)
            releaseBoth(arguments.1, arguments.2)
        }
        return try nativeOfValues(native, node, input, arguments)
    }

    /// The arguments in jq's order of evaluation: the last one first, except in builtins that jq
    /// defines in jq.
    @inline(__always) private func arguments(_ node: NodeRef, _ frame: Slots, _ input: Value)
        throws(Stop) -> (Value, Value, Value)
    {
        if node.partCount == 1 { return (try one(node.part(0).a, frame, input), .null, .null) }
        var values = (Value.null, Value.null, Value.null)
        do throws(Stop) {
            if node.native.firstIsOuter { values.0 = try one(node.part(0).a, frame, input) }
            if node.partCount > 2 { values.2 = try one(node.part(2).a, frame, input) }
            values.1 = try one(node.part(1).a, frame, input)
            if !node.native.firstIsOuter { values.0 = try one(node.part(0).a, frame, input) }
        } catch {
            releaseBoth(values.0, values.1)
            release(values.2)
            throw error
        }
        return values
    }

    /// Natives without arguments, with a short path for scalars.
    @inline(__always) private func native0(_ native: Native, _ node: NodeRef, _ input: Value)
        throws(Stop) -> Value
    {
        switch native {
        case .not:
            release(input)
            return Value(!input.isTrue)
        case .length: return try length(input, node)
        case .math1 where input.isNumber:
            let result = math(node, heap.double(input), 0, 0)
            release(input)
            return result
        case .tostring, .formatText:
            if input.isString { return input }
        case .toarray:
            if input.isArray { return input }
            var array = try heap.makeArray(capacity: 1)
            try heap.push(&array, input)
            return array
        default: break
        }
        if native.isTypeFilter {
            if passes(native, input) { return input }
            release(input)
            return .absent
        }
        defer { release(input) }
        return try nativeOfInput(native, node, input)
    }

    /// Whether a type filter passes a value on.
    func passes(_ native: Native, _ value: Value) -> Bool {
        switch native {
        case .values: !value.isNull
        case .nulls: value.isNull
        case .booleans: value.tag == .yes || value.tag == .no
        case .numbers: value.isNumber
        case .strings: value.isString
        case .arrays: value.isArray
        case .objects: value.isObject
        case .iterables: value.isContainer
        case .finites: value.isNumber && !heap.double(value).isInfinite
        case .normals: value.isNumber && heap.double(value).isNormal
        default: !value.isContainer
        }
    }

    /// Natives of a borrowed input without arguments.
    private func nativeOfInput(_ native: Native, _ node: NodeRef, _ input: Value) throws(Stop)
        -> Value
    {
        switch native {
        case .utf8bytelength:
            if !input.isString { throw raise(.hasNoUTF8Length, input, at: node) }
            return Value(integer: input.count)
        case .keys, .keysUnsorted: return try keys(input, node, isSorted: native == .keys)
        case .type: return try heap.string(input.kindName)
        case .tostring, .tojson, .formatJSON, .formatText: return try toJSON(input)
        case .tonumber: return try toNumber(input, node)
        case .toboolean: return try toBoolean(input, node)
        case .fromjson: return try fromJSON(input, node)
        case .add: return try addElements(input, node)
        case .flatten: return try flatten(input, .max, node)
        case .sort:
            if !input.isArray { throw raise(.cannotSort, input, at: node) }
            return try sortedElements(input)
        case .unique: return try unique(input, node)
        case .min, .max: return try extremeElement(input, node, wantsMax: native == .max)
        case .reverse: return try reverse(input, node)
        case .transpose: return try transpose(input, node)
        case .toEntries: return try toEntries(input, node)
        case .fromEntries: return try fromEntries(input, node)
        case .namedCaptures: return try namedCaptures(input)
        case .trim, .ltrim, .rtrim: return try trim(input, native, node)
        case .explode: return try explode(input, node)
        case .implode: return try implode(input, node)
        case .asciiDowncase, .asciiUpcase: return try changeCase(input, native, node)
        case .infinite: return Value(double: .infinity)
        case .nan: return Value(double: .nan)
        case .isinfinite, .isfinite, .isnan, .isnormal: return testNumber(input, native)
        case .abs: return try positive(input, node)
        case .math1: throw raise(.needsNumber, input, at: node)
        case .frexp, .modf, .lgammaR: return try splitNumber(input, native, node)
        case .formatCSV, .formatTSV, .formatHTML, .formatURI, .formatURID, .formatShell,
            .formatBase64,
            .formatBase64d, .formatBase32, .formatBase32d:
            return try format(input, native, node)
        case .mktime, .gmtime, .localtime, .now: return try date(input, native, node)
        default: return try hostNative(native, node, input)
        }
    }

    /// Natives with arguments; everything is borrowed.
    private func nativeOfValues(
        _ native: Native, _ node: NodeRef, _ input: Value, _ arguments: (Value, Value, Value)
    ) throws(Stop) -> Value {
        let argument = arguments.0
        switch native {
        case .has: return try has(input, argument, node)
        case .contains:
            if !isOfKind(input, argument) { throw raise(.cannotContain, input, argument, at: node) }
            return Value(try contains(input, argument, 0, node))
        case .flattenDepth: return try flatten(input, argument, node)
        case .stringIndices:
            if !input.isString { throw raise(.cannotSearch, input, at: node) }
            if !argument.isString { throw raise(.notString, argument, at: node) }
            return try stringIndices(input, argument)
        case .bsearch: return try binarySearch(input, argument, node)
        case .startswith, .endswith: return try testEnd(input, argument, native, node)
        case .ltrimstr, .rtrimstr, .trimstr: return try trimString(input, argument, native, node)
        case .split:
            if !input.isString || !argument.isString {
                throw raise("split input and separator must be strings", at: node)
            }
            return try splitString(input, argument)
        case .join: return try join(input, argument, node)
        case .math2, .math3:
            return try mathOfArguments(native, node, arguments)
        case .strftime, .strflocaltime, .strptime:
            return try date(input, argument, native, node)
        case .matchList, .testRegex, .splitRegex:
            return try match(input, argument, arguments.1, native, node)
        case .haltError: return try halt(input, argument, node)
        default: preconditionFailure("\(native) takes no arguments")
        }
    }
}
