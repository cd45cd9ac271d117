namespace NitroEnclaves.Images;

/// <summary>Something that was noticed about an image.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Subject">What it is about.</param>
/// <param name="Message">The finding for people.</param>
public sealed record EifFinding(EifFindingSeverity Severity, EifFindingSubject Subject, string Message);
