using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>What <c>Guests/driver-rules.c</c> prints: a line for each rule it has provoked, its name and the error number that came.</summary>
static class DriverRules
{
    const string NoRule = "no rule";

    /// <summary>Reads lines; each has to have its rule's number.</summary>
    public static HashSet<NitroRule> Read(string output)
    {
        var provoked = new HashSet<NitroRule>();
        foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var what = line[..line.LastIndexOf(' ')];
            var name = what.Split(':')[0];
            var rule = name == NoRule ? null : Assert.Single(NitroRule.All, rule => rule.Name == name);
            Assert.Equal($"{what} {rule?.Error ?? 0}", line);
            if (rule is not null)
            {
                provoked.Add(rule);
            }
        }

        return provoked;
    }

    /// <summary>Fails where rules were not provoked that could have been.</summary>
    public static void AssertProvoked(IReadOnlySet<NitroRule> provoked, params IReadOnlyList<NitroRule> but) =>
        Assert.Equal(but.Select(rule => rule.Name).Order(), NitroRule.All.Except(provoked).Select(rule => rule.Name).Order());
}
