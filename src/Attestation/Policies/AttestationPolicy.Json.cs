using System.Globalization;
using System.Text.Json;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

public sealed partial class AttestationPolicy
{
    /// <summary>Reads a policy from its JSON form.</summary>
    /// <param name="utf8Json">
    /// An object with <c>images</c> (a list of objects with <c>pcr0</c>, <c>pcr1</c>, <c>pcr2</c>), <c>pcrs</c> (register numbers and
    /// values), <c>maximumAgeSeconds</c>, <c>clockSkewSeconds</c>, <c>allowDebugMode</c>, all of them optional; values are 96 hexadecimal
    /// digits.
    /// One that expects no register has to say <c>"anyImage": true</c>. Other members, repeated ones and comments are refused.
    /// </param>
    /// <exception cref="FormatException">It is something else; the message says what is wrong and where.</exception>
    public static AttestationPolicy Parse(ReadOnlySpan<byte> utf8Json)
    {
        AttestationPolicyJson json;
        try
        {
            json = JsonSerializer.Deserialize(utf8Json, AttestationPolicyJsonContext.Default.AttestationPolicyJson)
                ?? throw new FormatException("The policy is null.");
        }
        catch (JsonException exception)
        {
            throw new FormatException($"The policy is not of its JSON form: {exception.Message}", exception);
        }

        try
        {
            return FromJson(json);
        }
        catch (Exception exception) when (exception is ArgumentException or OverflowException)
        {
            throw new FormatException($"The policy is none: {exception.Message}", exception);
        }
    }

    /// <summary>
    /// Writes the policy in its JSON form. Nonce, public key and user data belong to one exchange and are left out.
    /// </summary>
    public string ToJson() => JsonSerializer.Serialize(
        new AttestationPolicyJson
        {
            Images = Images.IsEmpty
                ? null
                : [.. Images.Select(image => new ImageMeasurementsJson
                {
                    Pcr0 = image.Pcr0.ToString(),
                    Pcr1 = image.Pcr1.ToString(),
                    Pcr2 = image.Pcr2.ToString(),
                })],
            Pcrs = Pcrs.IsEmpty
                ? null
                : Pcrs.ToDictionary(pcr => pcr.Key.ToString(CultureInfo.InvariantCulture), pcr => pcr.Value.ToString()),
            AnyImage = ExpectsNoPcrs ? true : null,
            MaximumAgeSeconds = Seconds(MaximumAge),
            ClockSkewSeconds = ClockSkew == DefaultClockSkew ? null : Seconds(ClockSkew),
            AllowDebugMode = AllowsDebugMode ? true : null,
        },
        AttestationPolicyJsonContext.Default.AttestationPolicyJson);

    static AttestationPolicy FromJson(AttestationPolicyJson json)
    {
        var policy = new AttestationPolicy { Images = [.. (json.Images ?? []).Select(FromJson)] };
        foreach (var (register, value) in json.Pcrs ?? [])
        {
            // One way to write a number, or the same register could stand there twice.
            var isNumber = int.TryParse(register, NumberStyles.None, CultureInfo.InvariantCulture, out var index);
            policy = isNumber && register == index.ToString(CultureInfo.InvariantCulture)
                ? policy.WithPcr(index, Value(value, register))
                : throw new FormatException($"There is no register {register}.");
        }

        if (policy.ExpectsNoPcrs != (json.AnyImage ?? false))
        {
            throw new FormatException(policy.ExpectsNoPcrs
                ? "The policy expects no register; if that is meant, it has to say \"anyImage\": true."
                : "The policy expects registers and says \"anyImage\": true.");
        }

        policy = json.MaximumAgeSeconds is { } age ? policy.WithMaximumAge(Span(age)) : policy;
        policy = json.ClockSkewSeconds is { } skew ? policy.WithClockSkew(Span(skew)) : policy;
        return json.AllowDebugMode ?? false ? policy.AllowingDebugMode() : policy;
    }

    static ImageMeasurements FromJson(ImageMeasurementsJson? image) => image is null
        ? throw new FormatException("An image is null.")
        : new ImageMeasurements(Value(image.Pcr0, "pcr0"), Value(image.Pcr1, "pcr1"), Value(image.Pcr2, "pcr2"));

    static PcrValue Value(string? hex, string name) => PcrValue.TryParse(hex, out var value)
        ? value
        : throw new FormatException($"The value of {name} is not 96 hexadecimal digits.");

    // Decimal, which holds a tick exactly where a double would not.
    static decimal? Seconds(TimeSpan? span) => span?.Ticks / (decimal)TimeSpan.TicksPerSecond;

    static TimeSpan Span(decimal seconds) => new((long)(seconds * TimeSpan.TicksPerSecond));
}
