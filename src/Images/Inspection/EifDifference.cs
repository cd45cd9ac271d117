namespace NitroEnclaves.Images;

/// <summary>One thing that makes two images differ.</summary>
/// <param name="Part">Where: "header", "kernel", "command line", "metadata", "signature", "ramdisk 1" and so on.</param>
/// <param name="Subject">What within that part: a field, a word of the command line, a file's path; empty for the part as a whole.</param>
/// <param name="Left">What the first image has; null where it has nothing.</param>
/// <param name="Right">What the second image has; null where it has nothing.</param>
/// <param name="Registers">The numbers of the PCRs that differ for it; empty for what is not measured.</param>
public sealed record EifDifference(string Part, string Subject, string? Left, string? Right, IReadOnlyList<int> Registers);
