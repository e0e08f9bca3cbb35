//! Several libraries together, as a program that embeds them would use them: no network, no cluster.

mod identity;
mod silence;
