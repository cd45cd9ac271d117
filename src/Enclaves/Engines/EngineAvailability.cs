namespace NitroEnclaves.Enclaves;

/// <summary>What an engine says about running here and now; <c>nitro doctor</c> prints it.</summary>
/// <param name="Engine">The engine's name as the command line has it.</param>
/// <param name="IsAvailable">Whether it can run enclaves.</param>
/// <param name="Explanation">A sentence: how it would run them, or why it cannot and what to do about it.</param>
public sealed record EngineAvailability(string Engine, bool IsAvailable, string Explanation);
