// The manual of the builtins for numbers: the functions of C's library under their names, kinds of
// numbers. Below each name and its description is an example, `PROGRAM -> OUTPUTS`; a test runs
// them all, on null, and requires one for each builtin.

/// `infinite/0`: the infinite number, written as the greatest one
///     infinite > 1e308 -> true
/// `nan/0`: not a number, written as null
///     nan | isnan -> true
/// `isinfinite/0`: whether the number is infinite
///     infinite | isinfinite -> true
/// `isfinite/0`: whether the input is a number that is not infinite
///     1, infinite | isfinite -> true false
/// `isnan/0`: whether the number is nan
///     nan, 1 | isnan -> true false
/// `isnormal/0`: whether the number is normal: not 0, subnormal, infinite or nan
///     1, 0 | isnormal -> true false
/// `abs/0`: the number without its sign
///     -5 | abs -> 5
/// `floor/0`: the greatest integer not above the input
///     1.5, -1.5 | floor -> 1 -2
/// `ceil/0`: the least integer not below the input
///     1.5, -1.5 | ceil -> 2 -1
/// `round/0`: the nearest integer, halves away from zero
///     1.5, -1.5 | round -> 2 -2
/// `trunc/0`: the integer part
///     1.5, -1.5 | trunc -> 1 -1
/// `rint/0`: the nearest integer, halves to the even one
///     0.5, 1.5 | rint -> 0 2
/// `nearbyint/0`: the nearest integer, halves to the even one
///     2.5 | nearbyint -> 2
/// `fabs/0`: the absolute value
///     -1.5 | fabs -> 1.5
/// `sqrt/0`: the square root
///     9 | sqrt -> 3
/// `cbrt/0`: the cube root
///     27 | cbrt -> 3.0000000000000004
/// `exp/0`: e to the power of the input
///     0 | exp -> 1
/// `exp2/0`: 2 to the power of the input
///     3 | exp2 -> 8
/// `exp10/0`: 10 to the power of the input
///     2 | exp10 -> 100
/// `pow10/0`: 10 to the power of the input
///     2 | pow10 -> 100
/// `expm1/0`: exp less 1, exact near 0
///     0 | expm1 -> 0
/// `log/0`: the natural logarithm
///     1 | log -> 0
/// `log2/0`: the logarithm to base 2
///     8 | log2 -> 3
/// `log10/0`: the logarithm to base 10
///     100 | log10 -> 2
/// `log1p/0`: the logarithm of the input and 1, exact near 0
///     0 | log1p -> 0
/// `logb/0`: the exponent to base 2
///     8 | logb -> 3
/// `significand/0`: the number scaled by a power of 2 to between 1 and 2
///     10 | significand -> 1.25
/// `gamma/0`: the logarithm of the gamma function's absolute value
///     1 | gamma -> 0
/// `lgamma/0`: the logarithm of the gamma function's absolute value
///     2 | lgamma -> 0
/// `lgamma_r/0`: the same, and the gamma function's sign
///     1 | lgamma_r -> [0,1]
/// `tgamma/0`: the gamma function
///     5 | tgamma -> 24
/// `frexp/0`: the fraction and the exponent to base 2
///     8 | frexp -> [0.5,4]
/// `modf/0`: the fraction and the integer part
///     3.25 | modf -> [0.25,3]
/// `erf/0`: the error function
///     0 | erf -> 0
/// `erfc/0`: 1 less the error function
///     0 | erfc -> 1
/// `sin/0`: the sine
///     0 | sin -> 0
/// `cos/0`: the cosine
///     0 | cos -> 1
/// `tan/0`: the tangent
///     0 | tan -> 0
/// `asin/0`: the arc sine
///     0 | asin -> 0
/// `acos/0`: the arc cosine
///     1 | acos -> 0
/// `atan/0`: the arc tangent
///     0 | atan -> 0
/// `sinh/0`: the hyperbolic sine
///     0 | sinh -> 0
/// `cosh/0`: the hyperbolic cosine
///     0 | cosh -> 1
/// `tanh/0`: the hyperbolic tangent
///     0 | tanh -> 0
/// `asinh/0`: the inverse of sinh
///     0 | asinh -> 0
/// `acosh/0`: the inverse of cosh
///     1 | acosh -> 0
/// `atanh/0`: the inverse of tanh
///     0 | atanh -> 0
/// `j0/0`: the Bessel function of the first kind, of order 0
///     0 | j0 -> 1
/// `j1/0`: the Bessel function of the first kind, of order 1
///     0 | j1 -> 0
/// `jn/2`: the Bessel function of the first kind, of an order
///     jn(1; 0) -> 0
/// `y0/0`: the Bessel function of the second kind, of order 0
///     1 | y0 | . * 1000 | round -> 88
/// `y1/0`: the Bessel function of the second kind, of order 1
///     1 | y1 | . * 1000 | round -> -781
/// `yn/2`: the Bessel function of the second kind, of an order
///     yn(1; 1) | . * 1000 | round -> -781
/// `pow/2`: a power
///     pow(2; 10) -> 1024
/// `atan2/2`: the angle of a point, from its y and x
///     atan2(0; 1) -> 0
/// `fmod/2`: the remainder of a division, signed as the dividend
///     fmod(-7; 3) -> -1
/// `remainder/2`: the remainder from the nearest multiple
///     remainder(7; 4) -> -1
/// `drem/2`: the remainder from the nearest multiple
///     drem(7; 4) -> -1
/// `fmin/2`: the lesser of two numbers
///     fmin(1; 2) -> 1
/// `fmax/2`: the greater of two numbers
///     fmax(1; 2) -> 2
/// `fdim/2`: the first number less the second, or 0
///     fdim(3; 1), fdim(1; 3) -> 2 0
/// `copysign/2`: the first number with the sign of the second
///     copysign(2; -1) -> -2
/// `ldexp/2`: a number times a power of 2
///     ldexp(3; 2) -> 12
/// `scalb/2`: a number times a power of 2
///     scalb(3; 2) -> 12
/// `scalbln/2`: a number times a power of 2
///     scalbln(3; 2) -> 12
/// `nextafter/2`: the next number in the direction of another
///     nextafter(1; 2) > 1 -> true
/// `nexttoward/2`: the next number in the direction of another
///     nexttoward(1; 0) < 1 -> true
/// `hypot/2`: the length of a right triangle's longest side
///     hypot(3; 4) -> 5
/// `fma/3`: the product of two numbers and the sum with a third, rounded once
///     fma(2; 3; 4) -> 10
