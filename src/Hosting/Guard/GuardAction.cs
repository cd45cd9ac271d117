namespace NitroEnclaves.Hosting;

/// <summary>What becomes of a rule that is broken.</summary>
public enum GuardAction
{
    /// <summary>The service does not start.</summary>
    Refuse,

    /// <summary>The service starts, and its log and health say so.</summary>
    Report,

    /// <summary>The rule is not looked at.</summary>
    Ignore,
}
