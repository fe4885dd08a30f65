# Numbers -> numbers for people.

# Rounded to so many decimals, halves away from zero.
def rounded($decimals):
  pow(10; $decimals) as $scale | . * $scale | round | . / $scale;
