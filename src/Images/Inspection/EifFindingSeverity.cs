namespace NitroEnclaves.Images;

/// <summary>How much a finding matters.</summary>
public enum EifFindingSeverity
{
    /// <summary>Good to know.</summary>
    Note,

    /// <summary>The image may not do what is expected of it.</summary>
    Warning,

    /// <summary>The image will not start on EC2.</summary>
    Error,
}
