/** Benchmarks, each beside what a user would do otherwise. */
@NullMarked
package io.github.dl4jtorch.benchmarks;

import org.jspecify.annotations.NullMarked;
