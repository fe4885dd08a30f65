// C's math library under its own names.
//
// Safety: pointers lead to values' bytes, with their counts, or to the runner's state.

import Glibc

extension Evaluator {
    /// The largest order for `jn` and `yn`.
    private static let orderMax = 524_288.0

    /// The function that a `math1`, `math2` or `math3` node names, on its numbers.
    func math(_ node: NodeRef, _ x: Double, _ y: Double, _ z: Double) -> Value {
        Evaluator.number(Evaluator.apply(node.mathFunction, x, y, z))
    }

    func mathOfArguments(_ native: Native, _ node: NodeRef, _ arguments: (Value, Value, Value))
        throws(Stop) -> Value
    {
        let isTernary = native == .math3
        if !arguments.0.isNumber { throw raise(.needsNumber, arguments.0, at: node) }
        if !arguments.1.isNumber { throw raise(.needsNumber, arguments.1, at: node) }
        if isTernary && !arguments.2.isNumber { throw raise(.needsNumber, arguments.2, at: node) }
        if node.mathFunction == .jn || node.mathFunction == .yn {
            // The library iterates over all lower orders, some nanoseconds each.
            let order = heap.double(arguments.0).magnitude
            if order > Evaluator.orderMax {
                throw raise("the order of a Bessel function is 524288 at most", at: node)
            }
            try charge(order.isNaN ? 1 : Int(order))
        }
        return math(
            node, heap.double(arguments.0), heap.double(arguments.1),
            isTernary ? heap.double(arguments.2) : 0)
    }

    /// `frexp`, `modf`, `lgamma_r`: pairs.
    func splitNumber(_ input: Value, _ native: Native, _ node: NodeRef) throws(Stop) -> Value {
        if !input.isNumber { throw raise(.needsNumber, input, at: node) }
        let number = heap.double(input)
        let first: Double
        let second: Double
        switch native {
        case .frexp:
            var exponent: Int32 = 0
            first = unsafe Glibc.frexp(number, &exponent)
            second = number.isFinite ? Double(exponent) : 0
        case .modf:
            var whole = 0.0
            first = unsafe Glibc.modf(number, &whole)
            second = whole
        default:
            var sign: Int32 = 0
            first = unsafe Glibc.lgamma_r(number, &sign)
            second = Double(sign)
        }
        var pair = try heap.makeArray(capacity: 2)
        try heap.push(&pair, Evaluator.number(first))
        try heap.push(&pair, Evaluator.number(second))
        return pair
    }

    private static func apply(_ function: MathFunction, _ x: Double, _ y: Double, _ z: Double)
        -> Double
    {
        switch function {
        case .floor: x.rounded(.down)
        case .ceil: x.rounded(.up)
        case .round: x.rounded(.toNearestOrAwayFromZero)
        case .trunc: x.rounded(.towardZero)
        case .rint, .nearbyint: x.rounded(.toNearestOrEven)
        case .sqrt: x.squareRoot()
        case .fabs: x.magnitude
        case .pow: Glibc.pow(x, y)
        case .log: Glibc.log(x)
        case .exp: Glibc.exp(x)
        case .exp10, .pow10: Glibc.pow(10, x)
        case .significand: significand(x)
        case .fma: Glibc.fma(x, y, z)
        default:
            function.parameterCount == 1 ? unary(function, x) : binary(function, x, y)
        }
    }

    /// The fraction scaled to 1 up to 2; 0, infinities and nan are returned unchanged.
    private static func significand(_ x: Double) -> Double {
        x == 0 || !x.isFinite ? x : Glibc.scalbn(x, -Glibc.ilogb(x))
    }

    private static func unary(_ function: MathFunction, _ x: Double) -> Double {
        switch function {
        case .exp2: Glibc.exp2(x)
        case .log2: Glibc.log2(x)
        case .log10: Glibc.log10(x)
        case .log1p: Glibc.log1p(x)
        case .expm1: Glibc.expm1(x)
        case .cbrt: Glibc.cbrt(x)
        case .erf: Glibc.erf(x)
        case .erfc: Glibc.erfc(x)
        case .sin: Glibc.sin(x)
        case .cos: Glibc.cos(x)
        case .tan: Glibc.tan(x)
        case .asin: Glibc.asin(x)
        case .acos: Glibc.acos(x)
        case .atan: Glibc.atan(x)
        case .sinh: Glibc.sinh(x)
        case .cosh: Glibc.cosh(x)
        case .tanh: Glibc.tanh(x)
        case .asinh: Glibc.asinh(x)
        case .acosh: Glibc.acosh(x)
        case .atanh: Glibc.atanh(x)
        case .logb: Glibc.logb(x)
        case .gamma, .lgamma: lgamma(x)
        case .tgamma: Glibc.tgamma(x)
        case .j0: Glibc.j0(x)
        case .j1: Glibc.j1(x)
        case .y0: Glibc.y0(x)
        case .y1: Glibc.y1(x)
        default: preconditionFailure("\(function) takes more numbers")
        }
    }

    /// The reentrant form: `lgamma` writes a global.
    private static func lgamma(_ x: Double) -> Double {
        var sign: Int32 = 0
        return unsafe Glibc.lgamma_r(x, &sign)
    }

    private static func binary(_ function: MathFunction, _ x: Double, _ y: Double) -> Double {
        switch function {
        case .atan2: return Glibc.atan2(x, y)
        case .fmod: return Glibc.fmod(x, y)
        case .fmin: return Glibc.fmin(x, y)
        case .fmax: return Glibc.fmax(x, y)
        case .fdim: return Glibc.fdim(x, y)
        case .copysign: return Glibc.copysign(x, y)
        case .drem, .remainder: return Glibc.remainder(x, y)
        case .ldexp: return Glibc.scalbn(x, Int32(exactly: y.rounded(.towardZero)) ?? .min)
        case .scalbln:
            // As C converts numbers to integers on x86-64: what does not fit is the least.
            let whole = Int(exactly: y.rounded(.towardZero)) ?? .min
            return Glibc.scalbn(x, Int32(clamping: whole))
        case .scalb:
            if y.isNaN || y == .infinity { return x * y }
            if y == -.infinity { return x == 0 ? x : x / -y }
            // A power that is not a whole number gives nan.
            if y != y.rounded() { return .nan }
            return Glibc.scalbn(x, Int32(max(-65_000, min(y, 65_000))))
        case .nextafter, .nexttoward: return Glibc.nextafter(x, y)
        case .hypot: return Glibc.hypot(x, y)
        case .jn: return Glibc.jn(Int32(clamping: clamped(x)), y)
        case .yn: return Glibc.yn(Int32(clamping: clamped(x)), y)
        default: preconditionFailure("\(function) takes another count of numbers")
        }
    }
}
