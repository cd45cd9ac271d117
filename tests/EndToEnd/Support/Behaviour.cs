namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>One thing that the conformance program did.</summary>
/// <param name="Group">What it belongs to.</param>
/// <param name="Action">What was done.</param>
/// <param name="Observation">What came of it.</param>
sealed record Behaviour(string Group, string Action, string Observation);
