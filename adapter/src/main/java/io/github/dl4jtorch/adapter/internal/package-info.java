/**
 * What is known of Deeplearning4j's insides, for this project's own modules. Names and behaviour
 * here change without notice.
 */
@NullMarked
package io.github.dl4jtorch.adapter.internal;

import org.jspecify.annotations.NullMarked;
