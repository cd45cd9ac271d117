using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace NitroEnclaves.Hosting;

/// <summary>
/// Reads the options from a section of the configuration, <c>{ "NsmPath": "/dev/nsm", "Guard": { "Swap": "Report" } }</c>. What it does not
/// know is refused: a rule whose name is misspelt would otherwise keep its default silently.
/// </summary>
sealed class NitroEnclaveConfiguration(IConfiguration section) : IConfigureOptions<NitroEnclaveOptions>
{
    public void Configure(NitroEnclaveOptions options)
    {
        foreach (var setting in section.GetChildren())
        {
            if (Is(setting, nameof(options.NsmPath)))
            {
                options.NsmPath = setting.Value ?? "";
            }
            else if (Is(setting, nameof(options.Guard)))
            {
                ConfigureGuard(setting, options.Guard);
            }
            else if (Is(setting, nameof(options.CertificateRenewal)))
            {
                options.CertificateRenewal = TimeSpan.TryParse(setting.Value, CultureInfo.InvariantCulture, out var renewal)
                    ? renewal
                    : throw Refusal($"{setting.Path} is '{setting.Value}', not a time as hours:minutes.");
            }
            else
            {
                throw Refusal($"{setting.Path} is no option: there are NsmPath, CertificateRenewal and Guard.");
            }
        }
    }

    static void ConfigureGuard(IConfigurationSection section, EnclaveGuardOptions guard)
    {
        foreach (var setting in section.GetChildren())
        {
            var rule = Parse<EnclaveRule>(setting.Key) ?? throw Refusal($"{setting.Path} is no rule: there are {Names<EnclaveRule>()}.");
            guard[rule] = Parse<GuardAction>(setting.Value) ?? throw Refusal($"{setting.Path} is '{setting.Value}', none of {Names<GuardAction>()}.");
        }
    }

    static bool Is(IConfigurationSection setting, string name) => setting.Key.Equals(name, StringComparison.OrdinalIgnoreCase);

    // By name alone: a number that happens to be a rule was not meant to be one.
    static T? Parse<T>(string? text)
        where T : struct, Enum => Enum.GetValues<T>().Cast<T?>().FirstOrDefault(value => value.ToString()!.Equals(text, StringComparison.OrdinalIgnoreCase));

    static string Names<T>()
        where T : struct, Enum => string.Join(", ", Enum.GetNames<T>());

    static OptionsValidationException Refusal(string message) => new(Options.DefaultName, typeof(NitroEnclaveOptions), [message]);
}
