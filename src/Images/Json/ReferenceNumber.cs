using System.Globalization;

namespace NitroEnclaves.Images;

/// <summary>
/// JSON numbers as the reference tools read and print them. Integers of 64 bits stay exact. Everything else becomes a double by
/// serde_json's fast method (a 64-bit significand scaled by a power of ten, which may be off in the last digit), and is printed
/// in the shortest form that reads back the same.
/// </summary>
static class ReferenceNumber
{
    const int MaxPower = 308;

    /// <summary>Reads and prints a number.</summary>
    /// <param name="text">A number in JSON's syntax, already checked.</param>
    /// <exception cref="FormatException">The number is beyond the range of a double.</exception>
    public static string Normalize(ReadOnlySpan<char> text)
    {
        bool integer = text is not "-0" && !text.ContainsAny('.', 'e', 'E');
        if (integer && (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
            || ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
        {
            return text.ToString();
        }

        return Format(ReadDouble(text));
    }

    /// <summary>Decimal notation from 1e-5 up to 1e16, else with an exponent; always with a point or an exponent.</summary>
    public static string Format(double value)
    {
        string digits = Digits(value.ToString("R", CultureInfo.InvariantCulture), out int exponent);
        string body = exponent switch
        {
            >= 0 and < 16 when digits.Length <= exponent + 1 => digits.PadRight(exponent + 1, '0') + ".0",
            >= 0 and < 16 => digits[..(exponent + 1)] + "." + digits[(exponent + 1)..],
            >= -5 and < 0 => "0." + new string('0', -exponent - 1) + digits,
            _ => digits[..1] + (digits.Length > 1 ? "." + digits[1..] : "") + "e" + (exponent < 0 ? ""
                : "+") + exponent.ToString(CultureInfo.InvariantCulture),
        };
        return double.IsNegative(value) ? "-" + body : body;
    }

    static double ReadDouble(ReadOnlySpan<char> text)
    {
        bool negative = text[0] == '-';
        ulong significand = 0;
        long exponent = 0;
        bool fraction = false;
        bool full = false;
        int position = negative ? 1 : 0;
        for (; position < text.Length && text[position] is not ('e' or 'E'); position++)
        {
            if (text[position] == '.')
            {
                fraction = true;
                full = false;
                continue;
            }

            ulong digit = (ulong)(text[position] - '0');
            full |= significand > (ulong.MaxValue - digit) / 10;
            if (!full)
            {
                significand = (significand * 10) + digit;
                exponent -= fraction ? 1 : 0;
            }
            else if (!fraction)
            {
                exponent++;
            }
        }

        if (position < text.Length)
        {
            // Exponents beyond an int saturate: the outcome, zero or out of range, is the same.
            var digits = text[(position + 1)..];
            bool parsed = int.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int explicitExponent);
            exponent += parsed ? explicitExponent : digits[0] == '-' ? int.MinValue : int.MaxValue;
        }

        double value = Scale(significand, exponent);
        return double.IsFinite(value) ? (negative ? -value : value) : throw new FormatException($"The number {text} is out of range.");
    }

    static double Scale(double value, long exponent)
    {
        for (; exponent < -MaxPower && value != 0; exponent += MaxPower)
        {
            value /= 1e308;
        }

        if (value == 0)
        {
            return 0;
        }

        if (exponent > MaxPower)
        {
            return double.PositiveInfinity;
        }

        double power = double.Parse($"1e{Math.Abs(exponent)}", CultureInfo.InvariantCulture);
        return exponent >= 0 ? value * power : value / power;
    }

    static string Digits(string roundTrip, out int exponent)
    {
        string mantissa = roundTrip.TrimStart('-');
        exponent = 0;
        int e = mantissa.IndexOf('E', StringComparison.Ordinal);
        if (e >= 0)
        {
            exponent = int.Parse(mantissa.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            mantissa = mantissa[..e];
        }

        int point = mantissa.IndexOf('.', StringComparison.Ordinal);
        exponent += (point < 0 ? mantissa.Length : point) - 1;
        string all = mantissa.Replace(".", "", StringComparison.Ordinal);
        string digits = all.TrimStart('0');
        exponent -= all.Length - digits.Length;
        digits = digits.TrimEnd('0');
        if (digits.Length == 0)
        {
            exponent = 0;
            return "0";
        }

        return digits;
    }
}
